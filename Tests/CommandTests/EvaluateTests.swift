import Foundation
import NeuralNetworks
import Testing

/// `nuclei-train evaluate` on a model of one epoch.
@Suite(.serialized) struct EvaluateTests {
    private let work: WorkFolder

    init() throws {
        work = try WorkFolder()
        let made = try Command.train.run("synthesize", "set", "--tiles", "48", "--crops", "0", in: work.path)
        try #require(made.status == 0, "\(made)")
        // Group names that need quotes.
        let labels = try String(contentsOfFile: "\(work.path)/set/labels.csv", encoding: .utf8)
        let rows = labels.split(separator: "\n").dropFirst().enumerated().map { index, row in
            let cells = row.split(separator: ",", omittingEmptySubsequences: false)
            return "\(cells[0]),\(cells[1]),\"\(index % 3 == 0 ? "lab A" : "lab B"), \"\"\(index % 16)\"\"\"\n"
        }
        try work.write("tile_id,label,group\n" + rows.joined(), to: "set/labels.csv")
        let trained = try Command.train.run(
            "set", "--preset", "reference", "--epochs", "1", "--batch-size", "8", "--output", "run", "--threads", "2",
            in: work.path)
        try #require(trained.status == 0, "\(trained)")
    }

    /// Writes a copy of the trained model with a calibration record.
    private func write(_ name: String, calibration: String?) throws {
        var model = try Model(path: "\(work.path)/run/last.safetensors")
        model.records["calibration"] = calibration
        try model.write(to: "\(work.path)/\(name)")
    }

    private func evaluate(_ arguments: String...) throws -> Command.Result {
        try Command.train.start(["evaluate", "set"] + arguments, in: work.path).wait()
    }

    private func report(_ arguments: String...) throws -> [String: Any] {
        let result = try Command.train.start(["evaluate", "set", "--json"] + arguments, in: work.path).wait()
        try #require(result.status == 0, "\(result)")
        return try work.json(result.output)
    }

    private func value(_ path: String..., in report: [String: Any]) throws -> Double {
        var place: Any? = report
        for key in path { place = (place as? [String: Any])?[key] }
        return try #require(place as? Double, "\(path)")
    }

    @Test func modelsAreScoredWithIntervalsAndCalibration() throws {
        try write("plain.safetensors", calibration: nil)
        try write("scaled.safetensors", calibration: #"{"temperature":4,"fittedOn":"validation","tiles":9}"#)
        let plain = try report("--model", "plain.safetensors", "--split", "train")
        let scaled = try report("--model", "scaled.safetensors", "--split", "train")
        #expect(plain["calibrated"] == nil && plain["model"] as? String == "plain.safetensors")
        #expect(plain["classes"] as? [String] == ["NO_NUCLEUS", "NUCLEI"])
        for figure in ["loss", "accuracy", "precision", "recall", "f1", "mcc", "rocAUC", "calibrationError"] {
            let number = try value("uncalibrated", "figures", figure, "value", in: plain)
            #expect(try value("uncalibrated", "figures", figure, "value", in: scaled) == number)
            let low = try value("uncalibrated", "figures", figure, "interval", "low", in: plain)
            #expect(try low <= value("uncalibrated", "figures", figure, "interval", "high", in: plain), "\(figure)")
        }
        let loss = try value("uncalibrated", "figures", "loss", "value", in: plain)
        #expect(try (loss - value("score", "loss", in: plain)).magnitude < 1e-6)
        #expect(try value("calibrated", "figures", "loss", "value", in: scaled) != loss)
        #expect(
            try value("calibrated", "figures", "accuracy", "value", in: scaled) == value("score", "accuracy", in: plain)
        )

        // An ensemble of the same model with two temperatures.
        let both = try report("--ensemble", "plain.safetensors", "scaled.safetensors", "--split", "train")
        #expect(both["model"] == nil && (both["members"] as? [Any])?.count == 2)
        #expect(try value("score", "accuracy", in: both) == value("score", "accuracy", in: plain))
        let losses = try [plain, both, scaled].map { report in
            let name = report["calibrated"] == nil ? "uncalibrated" : "calibrated"
            return try value(name, "figures", "loss", "value", in: report)
        }
        // The logarithm is concave, so the ensemble's loss is at most the mean of its members' losses.
        #expect(losses[1] < (losses[0] + losses[2]) / 2 && losses[0] != losses[2])
        let table = try evaluate("--ensemble", "plain.safetensors", "scaled.safetensors", "--split", "train")
        #expect(table.status == 0, "\(table)")
        #expect(table.output.hasPrefix("mean of 2 models: plain.safetensors, scaled.safetensors\n"))
        #expect(table.output.contains("scaled.safetensors: temperature 4.000, fitted on 9 tiles of validation"))
        #expect(table.output.contains("95 % interval"))

        try write("bad.safetensors", calibration: #"{"temperature":"hot"}"#)
        let bad = try evaluate("--model", "bad.safetensors")
        #expect(bad.status == 65)
        #expect(
            bad.errors == "error: bad.safetensors: expected a calibration with a temperature from 0.05 to 20.0 and "
                + "a number of tiles, found {\"temperature\":\"hot\"}\n")
        let twice = try evaluate("--ensemble", "plain.safetensors", "./plain.safetensors")
        #expect(twice.status == 65)
        #expect(
            twice.errors == "error: ./plain.safetensors: expected different models, found the same model twice\n")
    }

    @Test func bundledModelsHaveNames() throws {
        let labels = try String(contentsOfFile: "\(work.path)/set/labels.csv", encoding: .utf8)
        let labeled = labels.split(separator: "\n").count { $0.contains(",NUCLEI,") || $0.contains(",NO_NUCLEUS,") }
        let alone = try report("--model", "nuclei-compact", "--split", "unseen")
        let copies = alone["copiesLeftOut"] as? Int ?? 0
        #expect(alone["model"] as? String == "nuclei-compact" && alone["tiles"] as? Int == labeled - copies)
        let twice = try evaluate("--ensemble", "nuclei-compact", "nuclei-compact")
        #expect(twice.status == 65)
        #expect(twice.errors == "error: nuclei-compact: expected different models, found the same model twice\n")
        let test = try evaluate("--model", "nuclei-compact")
        #expect(test.status == 65)
        #expect(
            test.errors == "error: set: expected labeled tiles in the model's split test, found none; --split unseen "
                + "scores tiles outside the training data\n")
        // A file of the name has a path.
        try work.write("", to: "nuclei-compact")
        #expect(try evaluate("--model", "nuclei-compact", "--split", "unseen").status == 0)
        #expect(
            try evaluate("--model", "./nuclei-compact", "--split", "unseen").errors
                == "error: ./nuclei-compact: expected a safetensors file, found 0 bytes\n")
    }

    /// Held out tiles that a teacher has learned are not scored, and the command says so.
    @Test func tilesThatTeachersLearnedAreCounted() throws {
        func train(_ name: String, _ options: String...) throws {
            let trained = try Command.train.start(
                ["set", "--architecture", "compact", "--epochs", "1", "--batch-size", "16", "--output", name] + options,
                in: work.path
            ).wait()
            try #require(trained.status == 0, "\(trained)")
        }
        try train("teacher", "--no-validation", "--test-groups", "lab A*")
        try train("student", "--teacher", "teacher/last.safetensors", "--test-groups", "lab B*")
        let empty = try evaluate("--model", "student/last.safetensors")
        #expect(empty.status == 65 && empty.errors.hasPrefix("warning: "), "\(empty)")
        let count = try #require(Int(empty.errors.dropFirst("warning: ".count).prefix { $0.isNumber }))
        #expect(
            empty.errors
                == "warning: \(count) tiles of split test taught an initial model or a teacher: not scored\n"
                + "error: set: expected labeled tiles in the model's split test, found none except \(count) that taught "
                + "an initial model or a teacher\n")

        try train("mixed", "--teacher", "teacher/last.safetensors", "--test-groups", "lab ?, \"1*")
        let some = try report("--model", "mixed/last.safetensors")
        let learned = try #require(some["learnedLeftOut"] as? Int)
        let (scored, held) = (try #require(some["tiles"] as? Int), try #require(some["tilesInTraining"] as? Int))
        #expect(learned > 0 && scored + learned == held, "\(some)")
    }

    @Test func tilesAreChosenByGroupAndListed() throws {
        let all = try report("--model", "run/last.safetensors", "--split", "train")
        let some = try report(
            "--model", "run/last.safetensors", "--split", "train", "--groups", "lab A*", "--predictions", "a.csv")
        let groups = try #require(some["groups"] as? [[String: Any]])
        #expect(!groups.isEmpty && groups.allSatisfy { ($0["group"] as? String)?.hasPrefix("lab A") == true })
        let tiles = try #require(some["tiles"] as? Int)
        #expect(
            try tiles == groups.reduce(0) { $0 + ($1["tiles"] as? Int ?? 0) } && tiles < #require(all["tiles"] as? Int))
        #expect(
            try report(
                "--model", "run/last.safetensors", "--split", "train", "--groups", "lab A*", "lab B*")["tiles"] as? Int
                == all["tiles"] as? Int)

        let lines = try String(contentsOfFile: "\(work.path)/a.csv", encoding: .utf8).split(separator: "\n")
        #expect(lines.count == tiles + 1 && lines[0] == "filename,group,label,predicted,nuclei_probability")
        var hits = 0
        for line in lines.dropFirst() {
            let outside = line.split(separator: "\"\"\",")
            #expect(outside.count == 2 && outside[0].contains(".png,\"lab A, \"\""), "\(line)")
            let cells = outside[1].split(separator: ",")
            let probability = try #require(Double(cells[2]))
            #expect((probability > 0.5) == (cells[1] == "NUCLEI") && 0...1 ~= probability)
            if cells[0] == cells[1] { hits += 1 }
        }
        #expect(try Double(hits) / Double(tiles) == value("score", "accuracy", in: some))

        let listed = try evaluate("--model", "run/last.safetensors", "--split", "train", "--by-group")
        #expect(listed.output.contains("\ngroup ") && listed.output.contains("\nlab B, \"1\" "), "\(listed)")
        let nothing = try evaluate("--model", "run/last.safetensors", "--split", "train", "--groups", "lab Z*", "x")
        #expect(nothing.status == 65)
        #expect(
            nothing.errors.hasPrefix(
                "error: set: expected labeled tiles in the model's split train, of groups lab Z* or x, found groups lab A"
            ))
        let onto = try evaluate("--model", "run/last.safetensors", "--predictions", "set/labels.csv")
        #expect(onto.status == 73)
        #expect(
            onto.errors
                == "error: set/labels.csv: expected another file than the input set/labels.csv, found the same\n")
        let nowhere = try evaluate("--model", "run/last.safetensors", "--predictions", "no/p.csv")
        #expect(nowhere.status == 73 && nowhere.errors.hasPrefix("error: no/p.csv: cannot be written ("))
    }
}
