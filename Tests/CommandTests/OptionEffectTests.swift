import Foundation
import Testing

/// Options with other values than their defaults, and what the records say of them.
struct OptionEffectTests {
    private let work: WorkFolder

    init() throws { work = try WorkFolder() }

    private func record(_ name: String) throws -> [String: Any] {
        try work.json(String(contentsOfFile: "\(work.path)/\(name)", encoding: .utf8))
    }

    /// The value at a path such as "split.fold.count", as text.
    private func value(_ path: String, in record: [String: Any]) -> String {
        let found = path.split(separator: ".").reduce(record as Any?) { ($0 as? [String: Any])?[String($1)] }
        return found.map { "\($0)" } ?? "none"
    }

    private func train(_ options: [String]) throws -> [String: Any] {
        let result = try Command.train.run(
            ["set", "--architecture", "compact", "--epochs", "1", "--batch-size", "8", "--output", "run"] + options,
            in: work.path)
        try #require(result.status == 0, "\(result)")
        return try record("run/run.json")
    }

    @Test func optionsOfTraining() throws {
        let made = try Command.train.run("synthesize", "set", "--tiles", "48", "--crops", "0", in: work.path)
        try #require(made.status == 0, "\(made)")
        let expected = [
            ("--optimizer", "sgd", "optimizer.method"), ("--learning-rate", "0.25", "optimizer.learningRate"),
            ("--weight-decay", "0.125", "optimizer.weightDecay"), ("--momentum", "0.5", "optimizer.momentum"),
            ("--schedule", "constant", "schedule"), ("--dropout", "0.375", "dropout"),
            ("--label-smoothing", "0.0625", "labelSmoothing"), ("--clip-norm", "3", "clipNorm"),
            ("--balance", "sampling", "balance"), ("--patience", "4", "earlyStopping.patience"),
            ("--min-delta", "0.03125", "earlyStopping.minimumDelta"), ("--seed", "7", "seed"),
            ("--split-seed", "8", "split.seed"), ("--mpp", "0.75", "micronsPerPixel"),
            ("--leave-out", "blur", "augmentation.blur.probability"),
        ]
        let run = try train(
            expected.flatMap { [$0.0, $0.1] } + [
                "--strategy", "regularized", "--validation", "--early-stopping", "--white-border", "--cutout",
                "--fold", "2/3", "--exclude-groups", "slide 1*",
            ])
        let settings = try #require(run["settings"] as? [String: Any])
        for (option, given, path) in expected {
            #expect(value(path, in: settings) == (option == "--leave-out" ? "0" : given), "\(option)")
        }
        #expect(value("split.fold.number", in: settings) == "2" && value("split.fold.count", in: settings) == "3")
        #expect(value("augmentation.cutout.probability", in: settings) == "0.5")
        #expect((settings["augmentation"] as? [String: [String: Any]])?["geometry"]?["hasWhiteBorder"] as? Bool == true)
        // 24 groups of two tiles, of which 11 match.
        #expect((settings["split"] as? [String: Any])?["excludedGroups"] as? [String] == ["slide 1*"])
        let parts = try #require(run["tiles"] as? [String: [String: Int]])
        #expect(parts.values.reduce(0) { $0 + $1.values.reduce(0, +) } == 26, "\(parts)")
    }

    private func settings(_ options: String...) throws -> (settings: [String: Any], windows: [String: Any]) {
        let result = try Command.mask.run(
            ["set/wsi_crop_1.jpg", "--mpp", "0.25", "--precision", "float32", "--output", "m.png"] + options,
            in: work.path)
        try #require(result.status == 0, "\(result)")
        let record = try record("m.json")
        return (try #require(record["settings"] as? [String: Any]), try #require(record["windows"] as? [String: Any]))
    }

    @Test func optionsOfMasking() throws {
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "0", "--crops", "1", "--crop-size", "700", in: work.path)
        try #require(made.status == 0, "\(made)")
        let usual = try settings("--stride", "100")
        let inside = try settings("--stride", "100", "--edges", "none", "--blend", "hann", "--threshold", "0.25")
        for (path, plain, other) in [
            ("stride", "100", "100"), ("edges", "clamp", "none"), ("blend", "uniform", "hann"),
            ("threshold", "0.5", "0.25"), ("precision", "float32", "float32"),
        ] {
            #expect(value(path, in: usual.settings) == plain && value(path, in: inside.settings) == other, "\(path)")
        }
        #expect(usual.windows["count"] as? Int == 36 && inside.windows["count"] as? Int == 25)
        let nuclei = try settings("--flips", "--within", "12", "--threshold", "0.375")
        #expect(
            value("within", in: nuclei.settings) == "12" && value("nuclei.foreground", in: nuclei.settings) == "0.375")
        #expect((nuclei.settings["nuclei"] as? [String: Any])?["averagesFlips"] as? Bool == true)
        #expect((try settings().settings["nuclei"] as? [String: Any])?["averagesFlips"] as? Bool != true)
    }
}
