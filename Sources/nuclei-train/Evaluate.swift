import ArgumentParser
import Console
import Datasets
import Files
import Foundation
import NeuralNetworks
import Tensors
import Training

extension EvaluationSplit: ExpressibleByArgument {}

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Score a model on tiles whose labels are known.",
        discussion: """
            A model remembers which tiles its training used for what, by their pixels. --split says which of them \
            are scored: test, validation or train, or unseen for labelled tiles that its training did not meet.

            \(ExitStatus.help)
            """)

    @Argument(help: "Folder of tiles with labels.csv.")
    var dataset: String

    @Option(help: "Model file (.safetensors).")
    var model: String

    @Option(help: "Part of the data set to score.")
    var split = EvaluationSplit.test

    @OptionGroup var batch: BatchOptions
    @OptionGroup var threads: ThreadOptions

    @Flag(help: "Print JSON instead of tables.")
    var json = false

    /// What `--json` prints.
    struct Report: Encodable {
        let model: String
        let dataset: String
        let split: EvaluationSplit
        let chosenOn: EvaluationSplit
        let tiles: Int
        /// How many tiles training had in the split; nil for unseen ones.
        let tilesInTraining: Int?
        let score: Score
        let tilesPerSecond: Double
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            try Kernels.setThreadCount(threads.count)
            let loaded = try Model(path: model)
            try Evaluation.requireFit(loaded, path: model)
            let record = try SplitRecord(loaded, path: model)
            let set = try TileSet(path: dataset, threads: threads.count)
            let tiles = record.indices(of: split, in: set)
            guard !tiles.isEmpty else {
                throw FileError(
                    dataset, expected: "labelled tiles that are in the model's split \(split.rawValue)",
                    found: split == .unseen ? "none" : "none; --split unseen scores tiles that the model has not met")
            }
            var progress = Progress("evaluate", unit: "tiles")
            let start = ContinuousClock.now
            let predictor = try Predictor(loaded, batchSize: min(batch.size, tiles.count))
            let score = try Evaluation.score(predictor, on: tiles, of: set) { done in
                progress.update(done, of: tiles.count)
                try Interruption.check("interrupted")
            }
            let report = Report(
                model: model, dataset: dataset, split: split, chosenOn: record.chosenOn, tiles: tiles.count,
                tilesInTraining: record.count(of: split), score: score,
                tilesPerSecond: Double(tiles.count) / (ContinuousClock.now - start).seconds)
            if json {
                Terminal.printLine(try jsonText(report, pretty: true))
            } else {
                show(report, classes: loaded.description.classes)
            }
        }
    }

    private func show(_ report: Report, classes: [String]) {
        let score = report.score
        var what = "\(report.tiles) tiles of split \(report.split.rawValue)"
        if let all = report.tilesInTraining, all != report.tiles {
            what = "only \(report.tiles) of the \(all) tiles of split \(report.split.rawValue)"
        }
        if report.split == report.chosenOn { what += ", which also chose the model's epoch: an optimistic score" }
        Terminal.printLine(what)
        let auc = score.rocAUC.map { String(format: "  ROC-AUC %.4f", $0) } ?? ""
        let numbers = String(format: "loss %.4f  accuracy %.4f  MCC %.4f", score.loss, score.accuracy, score.mcc)
        Terminal.printLine(numbers + auc + String(format: "  (%.1f tiles/s)\n", report.tilesPerSecond))
        let width = max(classes.map(\.count).max() ?? 0, 16) + 2
        Terminal.printLine("".padded(width) + "precision  recall      F1   tiles")
        for (name, figures) in classes.map({ ($0, score.classes[$0]!) }) + [("weighted average", score.weighted)] {
            let numbers = String(
                format: "%9.4f  %6.4f  %6.4f  %6d", figures.precision, figures.recall, figures.f1, figures.support)
            Terminal.printLine(name.padded(width) + numbers)
        }
        Terminal.printLine("\nconfusion matrix (rows: truth, columns: prediction)")
        Terminal.printLine("".padded(width) + classes.map { $0.padded(-12) }.joined())
        for (name, row) in zip(classes, score.confusion.counts) {
            Terminal.printLine(name.padded(width) + row.map { String($0).padded(-12) }.joined())
        }
    }
}
