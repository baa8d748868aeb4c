import Foundation
import Testing

struct UsageTests {
    private let work: WorkFolder

    init() throws { work = try WorkFolder() }

    @Test func helpShowsEveryOptionAndTheExitStatus() throws {
        let train = try Command.train.run("train", "--help", in: work.path)
        #expect(train.status == 0)
        let words = train.output.split(whereSeparator: \.isWhitespace).joined(separator: " ")
        for option in [
            "--preset", "(values: best, reference; default: best)",
            "--strategy", "basic, regularized, pseudo-labeling", "--architecture",
            "--epochs <epochs> Passes over the training tiles (default: 20 with basic; otherwise 30 (lenet5), 40 (compact), 20 (resnet18) or 60 (unet, unet-wide)).",
            "--batch-size", "(default: 32 with basic;", "--learning-rate",
            "(default: 0.001 (lenet5), 0.002 (compact, unet, unet-wide) or 0.0005 (resnet18) with basic;",
            "--optimizer", "adam, adamw, sgd", "--weight-decay", "--schedule",
            "--dropout", "--label-smoothing", "--clip-norm", "--balance", "--augment/--no-augment", "--augmentation",
            "reference (lenet5) or pathology (compact, resnet18) or scanners (unet, unet-wide) for training, else pathology",
            "--cutout", "--leave-out", "--early-stopping", "--patience", "(default: 10)", "--min-delta", "--cycles",
            "(default: 3)", "--confidence", "(default: 0.95)", "--largest-shift", "--initial-model", "--teacher",
            "--freeze",
            "--backbone-rate-factor", "--freeze-statistics/--no-freeze-statistics",
            "--validation/--no-validation", "--fold", "--test-groups", "--exclude-groups", "--resume", "--seed",
            "(default: 42)", "--split-seed", "--threads", "--output", "73 output cannot be written",
        ] {
            #expect(words.contains(option), "\(option)")
        }
        let resume = try Command.train.run("resume", "--help", in: work.path)
        #expect(resume.output.contains("nuclei-train resume <run>") && resume.output.contains("--threads"))
        let explore = try Command.train.run("explore", "--help", in: work.path)
        for option in ["--validation", "--split-seed", "--threads", "--output", "data/explore-NAME"] {
            #expect(explore.output.contains(option), "\(option)")
        }
        let mask = try Command.mask.run("mask", "--help", in: work.path)
        let plan = try Command.mask.run("plan", "--help", in: work.path)
        for option in [
            "--model", "--stride", "(default: 128)", "--batch-size", "--threshold", "--edges", "--output", "--tissue",
            "--bits",
            "--mpp", "--level", "--shared-features/--no-shared-features", "--nuclei", "--labels", "--density",
            "--within",
            "--flips", "--precision",
            "--output-folder", "--tissue-geojson",
            "--overwrite/--no-overwrite",
        ] {
            for help in [mask, plan] {
                #expect(help.output.split(whereSeparator: \.isWhitespace).joined(separator: " ").contains(option))
            }
        }
        #expect(mask.output.contains("--summary"))
        #expect(try Command.train.run("--version", in: work.path).output == "0.1.0\n")
        #expect(try Command.mask.run("--version", in: work.path).output == "0.1.0\n")
    }

    /// Whether a command ended because of an option that does not exist or has no value.
    private func isRefusedByTheParser(_ result: Command.Result) -> Bool {
        ["Unknown option", "Missing value"].contains { result.errors.contains($0) }
    }

    @Test func wrongUsageIsStatus64() throws {
        for arguments in [
            ["set", "--epochs", "0"], ["set", "--batch-size", "0"], ["set", "--learning-rate=-1"],
            ["set", "--learning-rate", "nan"], ["set", "--threads", "0"], ["set", "--optimizer", "magic"], [],
            ["set", "--momentum", "0.9"], ["set", "--mpp", "0"], ["set", "--dropout", "1"],
            ["set", "--label-smoothing=-1"], ["set", "--clip-norm=-1"], ["set", "--patience", "3"],
            ["set", "--preset", "reference", "--cutout"], ["set", "--no-augment", "--leave-out", "blur"],
            ["set", "--preset", "reference", "--augment", "--leave-out", "blur"],
            ["set", "--augment", "--leave-out", "cutout"],
            ["set", "--confidence", "0.9"], ["set", "--freeze", "conv1"], ["set", "--freeze-statistics"],
            ["set", "--initial-model", "m", "--backbone-rate-factor", "2"],
            ["set", "--fold", "3/2"],
            ["set", "--strategy", "pseudo-labeling", "--no-validation"],
            ["set", "--fold", "1/2", "--test-groups", "a"],
            ["--resume", "run", "--epochs", "20"], ["resume"],
            ["resume", "run", "--epochs", "20"],
            ["resume", "run", "--threads", "0"],
            ["synthesize", "x", "--crop-size", "1"], ["evaluate", "set"],
            ["evaluate", "set", "--model", "m", "--split", "mine"], ["evaluate", "set", "--ensemble", "m"],
            ["evaluate", "set", "--model", "m", "--ensemble", "m", "n"],
        ] {
            let result = try Command.train.start(arguments, in: work.path).wait()
            #expect(result.status == 64, "\(arguments): \(result)")
            #expect(result.output.isEmpty && !result.errors.isEmpty)
            // A resumed run has its own settings; all other options and values reach the checks of the program.
            if arguments.first != "resume" { #expect(!isRefusedByTheParser(result), "\(arguments): \(result)") }
        }
        for arguments in [
            [], ["a.png", "--model", "m", "--threshold", "2"], ["a.png", "--mpp", "0"], ["a.png", "--level=-1"],
            ["a.png", "--mpp", "499"], ["a.png", "--mpp", "0.04"], ["a.png", "--mpp-override"],
            ["a.png", "--tissue", "maybe"], ["a.png", "--simplify", "2"],
            ["a.png", "--simplify", "2", "--nuclei", "n.csv"],
            ["a.png", "--bits", "2"], ["a.png", "--bits", "1", "--output", "a.tif"],
            ["overlay", "a.png", "--size", "1"],
            ["a.png", "--summary", "b.svs"], ["plan", "a.png", "--table", "b.png"], ["summary", ".", "--summary", "b"],
            ["score", "a.png", "b.png", "--csv", "c.tif"], ["--images", "l.txt", "--shard", "2/1"],
        ] {
            let result = try Command.mask.start(arguments, in: work.path).wait()
            #expect(result.status == 64 && !isRefusedByTheParser(result), "\(arguments): \(result)")
        }
        for (arguments, message) in [
            (["-v", "plan", "a.png"], "expected options after the name of the command: nuclei-mask plan ..."),
            (["--images", "l", "--shard", "slurm"], "found no SLURM_ARRAY_TASK_ID"),
        ] {
            let result = try Command.mask.start(arguments, in: work.path).wait()
            #expect(result.status == 64 && result.errors.contains(message), "\(arguments): \(result)")
        }
        #expect(work.files.isEmpty)
    }

    @Test func environmentVariablesAreChecked() throws {
        for (name, value, expected) in [
            ("NUCLEI_ISA", "AVX2", "error: NUCLEI_ISA: expected any, portable"),
            ("NUCLEI_CONV", "x", "error: NUCLEI_CONV: expected any, im2col, direct, winograd, found x"),
        ] {
            for (command, arguments) in [
                (Command.mask, ["a.png"]), (.train, ["set"]), (.train, ["explore", "set"]), (.bench, ["layers"]),
            ] {
                if command == .mask { try work.write("", to: "a.png") }
                let result = try command.start(arguments, in: work.path, environment: [name: value]).wait()
                #expect(result.status == 65 && result.errors.hasPrefix(expected), "\(arguments): \(result)")
            }
        }
    }

    @Test func layersThatDoNotExistAreNamed() throws {
        for (arguments, message) in [
            (
                ["--architecture", "resnet18", "--freeze", "conv1", "--freeze", "stem"],
                "expected layers of resnet18 (conv1, bn1, layer1, layer2, layer3, layer4, fc, backbone), found stem"
            ),
            (
                ["--architecture", "unet", "--freeze", "backbone", "--freeze", "head"],
                "expected a layer that is left to train, found backbone, head"
            ),
        ] {
            let result = try Command.train.start(["set", "--initial-model", "m"] + arguments, in: work.path).wait()
            #expect(result.status == 64 && result.errors.hasPrefix("Error: --freeze: \(message)\n"), "\(result)")
        }
        let alone = try Command.train.run("set", "--freeze", "conv1", in: work.path)
        #expect(alone.errors.hasPrefix("Error: --freeze: expected --initial-model with it, found none\n"), "\(alone)")
        // The architecture follows from the data set.
        let usual = try Command.train.run("set", "--initial-model", "m", "--freeze", "encoder0", in: work.path)
        #expect(usual.status == 64 && usual.errors.contains("expected layers of compact (conv1, "), "\(usual)")
    }

    @Test func badInputIsOneLineAndAStatus() throws {
        let missing = try Command.train.run("nowhere", in: work.path)
        #expect(missing.status == 66)
        #expect(
            missing.errors
                == "error: nowhere/labels.csv: expected the labels of a data set, found no readable file\n")

        try FileManager.default.createDirectory(atPath: "\(work.path)/set", withIntermediateDirectories: true)
        try work.write("tile_id,label\n1,NUCLEI\n2,PERHAPS\n", to: "set/labels.csv")
        let unknown = try Command.train.run("set", in: work.path)
        #expect(unknown.status == 65)
        #expect(
            unknown.errors
                == "error: set/labels.csv:3: expected NO_NUCLEUS, NUCLEI or nothing as label, found PERHAPS\n")

        try work.write("tile_id,label\n1,NUCLEI\n2,NO_NUCLEUS\n", to: "set/labels.csv")
        let tiles = try Command.train.run("set", in: work.path)
        #expect(tiles.status == 66)
        #expect(tiles.errors.split(separator: "\n").count == 2)
        #expect(tiles.errors.hasPrefix("error: set/tile_1.png: ") && tiles.errors.contains("(labels.csv:2)"))

        let model = try Command.mask.run("set/labels.csv", "--model", "m.safetensors", in: work.path)
        #expect(model.status == 66)
        #expect(model.errors == "error: m.safetensors: cannot be read (No such file or directory)\n")
        try work.write("not a model", to: "m.safetensors")
        let damaged = try Command.mask.run("set/labels.csv", "--model", "m.safetensors", in: work.path)
        #expect(damaged.status == 65)
        #expect(damaged.errors.hasPrefix("error: m.safetensors: expected a safetensors file, found "))

        let noImage = try Command.mask.run("overlay", "nothing.png", in: work.path)
        #expect(noImage.status == 66 && noImage.errors.hasPrefix("error: nothing.png: "))
        let text = try Command.mask.run("overlay", "m.safetensors", in: work.path)
        #expect(text.status == 65)
        #expect(
            text.errors == "error: m.safetensors: expected a PNG, JPEG, TIFF or whole-slide image, found text\n")

        let taken = try Command.train.run("synthesize", "set", "--tiles", "1", in: work.path)
        #expect(taken.status == 73)
        #expect(taken.errors == "error: set: expected a new or empty folder, found files in it\n")
        let denied = try Command.train.run("synthesize", "m.safetensors/x", "--tiles", "1", in: work.path)
        #expect(denied.status == 73 && denied.errors.hasPrefix("error: m.safetensors/x: cannot be made ("))
        #expect(work.files == ["m.safetensors", "set"])
    }
}
