import Foundation
import NeuralNetworks
import Testing

struct ResumeTests {
    private static let bundledModel = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../models/nuclei-compact.safetensors").standardizedFileURL.path

    /// A run that is killed several times at random moments ends with the bits of an uninterrupted one.
    @Test(arguments: [
        ["--preset", "reference"],
        ["--cutout"],
        [
            "--strategy", "pseudo-labeling", "--architecture", "compact", "--confidence", "0.501", "--cycles", "2",
            "--largest-shift", "1",
        ],
        [
            "--initial-model", bundledModel, "--freeze", "conv1", "--freeze", "bn1", "--backbone-rate-factor", "0.1",
            "--freeze-statistics",
        ],
        ["--architecture", "compact", "--teacher", bundledModel, "--teacher", bundledModel],
    ])
    func killedRunsResumeToTheSameBits(options: [String]) throws {
        let work = try WorkFolder()
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "40", "--unlabeled", "20", "--crops", "0", in: work.path)
        try #require(made.status == 0, "\(made)")
        let arguments = ["set", "--epochs", "3", "--batch-size", "8", "--validation"] + options + ["--output"]
        let whole = try Command.train.start(arguments + ["whole"], in: work.path).wait()
        try #require(whole.status == 0, "\(whole)")

        var running = try Command.train.start(arguments + ["killed"], in: work.path)
        var kills = 0
        // Random moments; a fast run may have finished before.
        for latest in [0.1, 0.4, 0.8, 1.2] {
            try #require(work.waitForFile(in: "killed") { $0 == "run.json" })
            Thread.sleep(forTimeInterval: .random(in: 0...latest))
            guard running.process.isRunning else { break }
            kill(running.process.processIdentifier, SIGKILL)
            _ = running.wait()
            kills += 1
            for name in try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/killed")
            where name.hasSuffix(".safetensors") && !name.hasPrefix(".") {
                _ = try SafetensorsFile(path: "\(work.path)/killed/\(name)")
            }
            // All forms of the command resume a run.
            let forms = [["--resume", "killed"], ["resume", "killed"], arguments + ["killed", "--continue"]]
            running = try Command.train.start(forms[kills % 3] + ["--threads", "1"], in: work.path)
        }
        let end = running.wait()
        // A run may be killed after its end, before the process has ended.
        try #require(
            end.status == 0 || end.errors.contains("expected an unfinished run, found a finished one"), "\(end)")
        #expect(kills > 0)
        for name in ["best", "last"] {
            let (a, b) = (try weights("\(work.path)/whole/\(name)"), try weights("\(work.path)/killed/\(name)"))
            #expect(a == b, "\(name) differs after \(kills) kills")
        }
        let record = try work.json(String(contentsOfFile: "\(work.path)/killed/run.json", encoding: .utf8))
        #expect((record["execution"] as? [String: Any])?["threads"] as? Int == 1)
        let files = try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/killed").sorted()
        let expected = try FileManager.default.contentsOfDirectory(atPath: "\(work.path)/whole").sorted()
        #expect(files == expected)
        #expect(files.filter { $0.hasSuffix(".safetensors") } == ["best.safetensors", "last.safetensors"])
        if files.contains("pseudo_labels.csv") {
            let ledgers = try ["whole", "killed"].map {
                try String(contentsOfFile: "\(work.path)/\($0)/pseudo_labels.csv", encoding: .utf8)
            }
            #expect(ledgers[0] == ledgers[1])
        }

        let finished = try Command.train.start(arguments + ["killed", "--continue"], in: work.path).wait()
        #expect(finished.status == 0 && finished.output == "killed: already finished\n", "\(finished)")
        // A copy of the data set is the same one; other tiles, or none, are not.
        let place = arguments.firstIndex(of: "set")!
        func finish(_ dataset: String) throws -> Command.Result {
            var changed = arguments
            changed[place] = dataset
            return try Command.train.start(changed + ["killed", "--continue"], in: work.path).wait()
        }
        try FileManager.default.copyItem(atPath: "\(work.path)/set", toPath: "\(work.path)/copy")
        let copy = try finish("copy")
        #expect(copy.status == 0 && copy.output.hasSuffix("killed: already finished\n"), "\(copy)")
        var labels = try String(contentsOfFile: "\(work.path)/copy/labels.csv", encoding: .utf8)
        labels.replace(",NUCLEI", with: ",", maxReplacements: 1)
        try labels.write(toFile: "\(work.path)/copy/labels.csv", atomically: true, encoding: .utf8)
        let changed = try finish("copy")
        #expect(changed.status == 73 && changed.errors.contains("expected a run on copy, found one on other tiles"))
        #expect(try finish("none").status == 66)
        let other = try Command.train.start(
            arguments + ["killed", "--continue", "--seed", "7"], in: work.path
        ).wait()
        #expect(other.status == 73 && other.errors.contains("expected a run with the settings of this command"))
        let fresh = try Command.train.start(arguments + ["fresh", "--continue"], in: work.path).wait()
        #expect(try fresh.status == 0 && weights("\(work.path)/fresh/best") == weights("\(work.path)/whole/best"))
        let again = try Command.train.run("resume", "killed", in: work.path)
        #expect(again.status == 65)
        #expect(
            again.errors == "error: killed/run.json: expected an unfinished run, found a finished one\n")
        let none = try Command.train.run("--resume", "set", in: work.path)
        #expect(none.status == 66)
        #expect(
            none.errors == "error: set/run.json: expected the record of a run, found no readable file\n")
    }

    private func weights(_ path: String) throws -> [String: [UInt8]] {
        let file = try SafetensorsFile(path: "\(path).safetensors")
        return Dictionary(
            uniqueKeysWithValues: file.entries.keys.map { name in (name, file.withBytes(of: name) { Array($0) }) })
    }
}
