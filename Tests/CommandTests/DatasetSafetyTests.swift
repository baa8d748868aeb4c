import Foundation
import Foundations
import Imaging
import Testing

/// Behavior of `nuclei-train` with data sets and runs that were copied, moved, edited or named as an output.
@Suite(.serialized) struct DatasetSafetyTests {
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        try synthesize("set", seed: 1)
    }

    private func synthesize(_ name: String, seed: Int) throws {
        let made = try Command.train.run(
            "synthesize", name, "--tiles", "40", "--crops", "0", "--seed", "\(seed)", in: work.path)
        try #require(made.status == 0, "\(made)")
    }

    private func train() throws {
        let trained = try Command.train.run(
            "set", "--architecture", "compact", "--epochs", "1", "--output", "run", in: work.path)
        try #require(trained.status == 0, "\(trained)")
    }

    /// Starts a run and kills it after its first checkpoint.
    private func killedRun() throws {
        let running = try Command.train.start(
            ["set", "--architecture", "compact", "--epochs", "500", "--output", "run"], in: work.path)
        try #require(work.waitForFile(in: "run") { $0 == "checkpoint.safetensors" })
        kill(running.process.processIdentifier, SIGKILL)
        _ = running.wait()
    }

    private func bytes(_ name: String) throws -> Data {
        try Data(contentsOf: URL(fileURLWithPath: "\(work.path)/\(name)"))
    }

    /// Writes a JPEG of a tile after a quarter turn.
    private func copyTurned(_ source: String, to path: String) throws {
        let image = try RGBImage(decoding: "\(work.path)/\(source)")
        let side = image.width
        let pixels = (0..<side * side).flatMap { index in
            let place = (index % side * side + side - 1 - index / side) * 3
            return image.pixels[place..<place + 3]
        }
        let writer = try JPEGWriter(path: "\(work.path)/\(path)", width: side, height: side)
        try pixels.withUnsafeBytes { try writer.write(rows: $0, count: side) }
        try writer.finish()
    }

    @Test func copiesOfTrainingTilesAreNotUnseen() throws {
        try train()
        try FileManager.default.createDirectory(atPath: "\(work.path)/copies", withIntermediateDirectories: false)
        // The other tiles show glass without any structure to recognize.
        let structured = (0..<40).filter { ![2, 21, 26].contains($0) }
        for index in structured { try copyTurned("set/tile_\(index).png", to: "copies/\(index).jpg") }
        let copies = structured.map { "\($0).jpg,\($0 % 2 == 0 ? "NUCLEI" : "NO_NUCLEUS")\n" }
        try work.write("filename,label\n" + copies.joined(), to: "copies/labels.csv")
        let model = ["--model", "run/best.safetensors", "--split", "unseen"]
        let none = try Command.train.start(["evaluate", "copies"] + model, in: work.path).wait()
        #expect(none.status == 65)
        #expect(none.errors.contains("warning: 37 tiles look like tiles of the training data"))
        #expect(none.errors.contains("found none except 37 that look like tiles of the training data\n"))

        try synthesize("other", seed: 2)
        for index in 0..<20 {
            try FileManager.default.copyItem(
                atPath: "\(work.path)/other/tile_\(index).png", toPath: "\(work.path)/copies/new_\(index).png")
        }
        let others = (0..<20).map { "new_\($0).png,\($0 % 2 == 0 ? "NUCLEI" : "NO_NUCLEUS")\n" }
        try work.write("filename,label\n" + (copies + others).joined(), to: "copies/labels.csv")
        let some = try Command.train.start(["evaluate", "copies", "--json"] + model, in: work.path).wait()
        try #require(some.status == 0, "\(some)")
        let report = try work.json(some.output)
        #expect(report["tiles"] as? Int == 20 && report["copiesLeftOut"] as? Int == 37)
    }

    @Test func outputsReplaceNoInput() throws {
        try train()
        try FileManager.default.createSymbolicLink(
            atPath: "\(work.path)/link.png", withDestinationPath: "set/tile_1.png")
        try FileManager.default.linkItem(atPath: "\(work.path)/set/tile_2.png", toPath: "\(work.path)/hard.png")
        try FileManager.default.createDirectory(atPath: "\(work.path)/out", withIntermediateDirectories: false)
        try FileManager.default.createSymbolicLink(
            atPath: "\(work.path)/out/exploration.json", withDestinationPath: "../set/labels.csv")
        let files = ["set/tile_0.png", "set/tile_1.png", "set/tile_2.png", "set/labels.csv", "run/best.safetensors"]
        let before = try files.map(bytes)
        let evaluate = ["evaluate", "set", "--model", "run/best.safetensors", "--predictions"]
        for arguments in [
            ["augment", "set", "--output", "set/tile_0.png"], ["augment", "set", "--output", "./set/../link.png"],
            ["augment", "set", "--output", "hard.png"], evaluate + ["set/tile_0.png"], evaluate + ["link.png"],
            evaluate + ["set/labels.csv"], evaluate + ["run/best.safetensors"], ["explore", "set", "--output", "out"],
        ] {
            let result = try Command.train.start(arguments, in: work.path).wait()
            #expect(result.status == 73 && result.errors.contains("found the same\n"), "\(arguments): \(result)")
        }
        #expect(try files.map(bytes) == before)
    }

    @Test func editedRunsAreRefusedWithALine() throws {
        try killedRun()
        let record = try String(decoding: bytes("run/run.json"), as: UTF8.self)
        for (name, value) in [
            ("batchSize", "0"), ("batchSize", "-1"), ("batchSize", "1000000000000"), ("epochs", "0"),
            ("learningRate", "-1"), ("learningRate", "1e39"), ("testShare", "2"), ("validationShare", "-0.5"),
            ("beta1", "1"), ("epsilon", "-1"), ("dropout", "1"), ("seconds", "1e300"),
        ] {
            let edited = record.replacing(
                try Regex("\"\(name)\" : [0-9.e+-]+"), with: "\"\(name)\" : \(value)")
            try #require(edited != record, "\(name)")
            try work.write(edited, to: "run/run.json")
            let result = try Command.train.run("resume", "run", in: work.path)
            #expect(result.status == 65, "\(name) \(value): \(result)")
            #expect(
                result.errors.hasPrefix("error: run/run.json: expected ") && result.errors.count { $0 == "\n" } == 1)
        }
    }

    @Test func runsContinueWhereTheirDataHasMoved() throws {
        try killedRun()
        try FileManager.default.moveItem(atPath: "\(work.path)/set", toPath: "\(work.path)/moved")
        let lost = try Command.train.run("resume", "run", in: work.path)
        #expect(
            lost.status == 66 && lost.errors.hasSuffix("nuclei-train resume run --data FOLDER takes its new place\n"))
        try synthesize("other", seed: 2)
        let wrong = try Command.train.run("resume", "run", "--data", "other", in: work.path)
        #expect(wrong.status == 65 && wrong.errors.contains("expected the tiles that the run was started with"))
        for arguments in [["moved", "--resume", "run"], ["resume", "run", "--data", "moved"], ["resume", "run"]] {
            let running = try Command.train.start(arguments, in: work.path)
            #expect(running.waitFor("epoch   train loss"), "\(arguments)")
            kill(running.process.processIdentifier, SIGINT)
            #expect(running.wait().status == 130)
        }
        #expect(try String(decoding: bytes("run/run.json"), as: UTF8.self).contains("\(work.path)/moved\""))
    }

    @Test func groupsWithBracketsAreNamed() throws {
        let labels = try String(decoding: bytes("set/labels.csv"), as: UTF8.self).split(separator: "\n").dropFirst()
        let rows = labels.enumerated().map { index, row in
            row.split(separator: ",", omittingEmptySubsequences: false).prefix(2).joined(separator: ",")
                + ",case [\("ABCD".map(String.init)[index / 10])]\n"
        }
        try work.write("tile_id,label,group\n" + rows.joined() + "", to: "set/labels.csv")
        let trained = try Command.train.run(
            "set", "--architecture", "compact", "--epochs", "1", "--test-groups", "case [A]", "--output", "run",
            in: work.path)
        try #require(trained.status == 0, "\(trained)")
        let result = try Command.train.run(
            "evaluate", "set", "--model", "run/best.safetensors", "--groups", "case [A]", "--json", in: work.path)
        #expect(try work.json(result.output)["tiles"] as? Int == 10)
    }

    @Test func reportsNeedNoTemporaryFolder() throws {
        let trained = try Command.train.start(
            ["set", "--architecture", "compact", "--epochs", "1", "--output", "run"], in: work.path,
            environment: ["TMPDIR": "/nowhere"]
        ).wait()
        #expect(trained.status == 0, "\(trained)")
        let names = try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/run")
        #expect(names.contains("report.html") && !names.contains { $0.hasPrefix(".") })
    }
}
