import Console
import Datasets
import Foundations
import Training

/// Prints the course of a training run: progress, a line for each epoch, and the results of cycles.
struct TrainingPrinter {
    private let settings: TrainingSettings
    private let folder: FilePath
    private let watched: EvaluationSplit
    private let warning: String?
    private let notes: [String]
    private let parameters: Int
    /// Whether epochs have a Dice of outlines.
    private var outlines: Bool { settings.architecture.outlinesNuclei }
    private var progress: (epoch: Int, bar: Console.Progress)?

    init(_ run: TrainingRun) {
        settings = run.trainer.settings
        folder = run.folder.path
        watched = run.trainer.watched
        warning = run.trainer.leakWarning
        notes = run.notes
        parameters = run.folder.record.parameters
    }

    /// Prints the number of tiles in each part of the split, and warnings about the data set.
    static func printTiles(_ set: TileSet, _ split: Split) {
        let names = TileLabel.names.reversed() + ["unlabeled"]
        Terminal.printLine("tiles        " + names.joined(separator: "  "))
        let parts = [
            ("training", split.train), ("validation", split.validation), ("test", split.test),
            ("unlabeled", split.unlabeled),
        ]
        for (name, part) in parts where !part.isEmpty {
            let labels = set.counts(of: part)
            let unlabeled = part.count - labels.reduce(0, +)
            let cells = zip(labels.reversed() + [unlabeled], names).enumerated().map { column, pair in
                String(pair.0).padded(-(pair.1.count + (column == 0 ? 3 : 2)))
            }
            Terminal.printLine(name.padded(10) + cells.joined() + groups(of: part, in: set))
        }
        let cut = set.tiles.filter(\.isPart)
        if !cut.isEmpty {
            Terminal.note(
                "\(cut.count) tiles are cut from larger images, \(cut.count { $0.label == nil }) of them unlabeled")
        }
        let ungrouped = set.labeled.count { set.tiles[$0].group == nil }
        if set.hasGroups, ungrouped > 0 {
            Terminal.warn("\(ungrouped) labeled tiles have no group; each counts as a group of its own")
        }
        for (first, second) in set.contradictions.prefix(5) {
            Terminal.warn(
                "\(set.tiles[first].filename) and \(set.tiles[second].filename) have the same pixels, "
                    + "but different labels")
        }
    }

    private static func groups(of part: [Int], in set: TileSet) -> String {
        set.hasGroups ? "  from \(Set(part.map { set.tiles[$0].group ?? set.tiles[$0].filename }).count) groups" : ""
    }

    func printHeader(threads: Int) {
        if let warning { Terminal.warn(warning) }
        notes.forEach(Terminal.note)
        let millions = String(Double(parameters) / 1e6, decimals: 2)
        Terminal.printLine(
            "\(settings.architecture.rawValue)  \(millions) M parameters, \(settings.strategy.rawValue) training, "
                + (settings.teachers.map { $0.count.counted("teacher") + ", " } ?? "") + threads.counted("thread"))
        Terminal.printLine("run    \(folder)")
        Terminal.printLine()
        Terminal.printLine(
            "epoch   train loss  accuracy   \(watched.rawValue) loss  accuracy      F1\(outlines ? "    Dice" : "")   tiles/s   time"
        )
    }

    /// Prints an event. Throws `Interrupted` after Ctrl-C.
    mutating func show(_ event: TrainingEvent) throws {
        switch event {
        case .batch(let epoch, let done, let total, let loss, let accuracy):
            if progress?.epoch != epoch {
                progress = (epoch, Progress("epoch \(epoch)/\(settings.epochs)", unit: "tiles"))
            }
            progress?.bar.update(
                done, of: total,
                details: "loss \(String(loss, decimals: 4))  accuracy \(String(accuracy, decimals: 3))")
            try Interruption.check("interrupted in epoch \(epoch); \(continuation)")
        case .prediction(let done, let total):
            if progress?.epoch != 0 { progress = (0, Progress("predict", unit: "tiles")) }
            progress?.bar.update(done, of: total)
            try Interruption.check("interrupted; \(continuation)")
        case .epoch(let record, let isBest):
            progress = nil
            let cells = [
                String(record.epoch).padded(-5), String(record.trainLoss, decimals: 4).padded(-13),
                String(record.trainAccuracy, decimals: 3).padded(-10),
                String(record.watchedLoss, decimals: 4).padded(-(watched.rawValue.count + 8)),
                String(record.watchedAccuracy, decimals: 3).padded(-10),
                String(record.watchedF1, decimals: 3).padded(-8),
                outlines ? (record.watchedDice.map { String($0, decimals: 3) } ?? "-").padded(-8) : "",
                String(record.tilesPerSecond, decimals: 1).padded(-10),
                Console.Progress.clock(record.seconds).padded(-7),
            ]
            Terminal.printLine(cells.joined() + (isBest ? "  best" : ""))
        case .cycle(let cycle):
            let numbers = [
                "\(watched.rawValue) accuracy \(String(cycle.watched.accuracy, decimals: 3))",
                "F1 \(String(cycle.watched.weighted.f1, decimals: 3))",
                "calibrated loss \(String(cycle.calibratedLoss, decimals: 4))",
                "temperature \(String(cycle.temperature, decimals: 2))",
            ]
            Terminal.printLine("cycle \(cycle.cycle)  \(numbers.joined(separator: "  "))")
            if !cycle.isKept {
                Terminal.printLine("cycle \(cycle.cycle) is discarded: no improvement over the best cycle so far")
            }
        case .labels(let labels):
            let kept = labels.filter { $0.verdict == .kept }
            let counts = TileLabel.allCases.reversed().map { label in
                "\(kept.count { $0.label == label }) \(label.name)"
            }
            let unsure = labels.count { $0.verdict == .unsure }
            let full = labels.count { $0.verdict == .classIsFull }
            Terminal.printLine(
                "pseudo-labels for cycle \(labels.first?.cycle ?? 0): \(counts.joined(separator: ", ")) accepted; "
                    + "rejected \(unsure) below the confidence threshold, \(full) of a class at its limit")
            Terminal.printLine()
        case .pixelLabels(let records):
            let tiles = records.count { $0.nuclei > 0 }
            Terminal.printLine(
                "pixel labels for cycle \(records[0].cycle): \(records.reduce(0) { $0 + $1.nuclei }) nuclei in \(tiles) of "
                    + "\(records.count) tiles without outlines; rejected \(records.reduce(0) { $0 + $1.rejected }) nuclei"
            )
            Terminal.printLine()
        }
    }

    /// Advice after an interruption.
    private var continuation: String { "continue from the last checkpoint with nuclei-train resume \(folder)" }

    func printResult(of run: TrainingRun) {
        Terminal.printLine()
        if run.trainer.history.count < settings.epochs {
            Terminal.printLine("stopped early: the \(watched.rawValue) loss no longer improves")
        }
        for (name, score) in [("best", run.folder.record.bestTest), ("last", run.folder.record.lastTest)] {
            guard let score else { continue }
            let numbers = [
                "loss \(String(score.loss, decimals: 4))", "accuracy \(String(score.accuracy, decimals: 4))",
                "weighted F1 \(String(score.weighted.f1, decimals: 4))",
            ]
            Terminal.printLine("\(name)  test \(numbers.joined(separator: "  "))")
        }
        if run.trainer.chosenOn == .test {
            Terminal.printLine(
                "The best epoch was picked on the test tiles, so its score is optimistic; train with --validation for an "
                    + "unbiased one.")
        }
        Terminal.printLine("models, records and report.html are in \(folder)")
    }
}

/// The output of `nuclei-train --json`.
struct TrainingDocument: Encodable {
    private let folder: String
    private let run: RunFolder.Record

    init(_ path: FilePath, _ record: RunFolder.Record) { (folder, run) = (path.string, record) }
}
