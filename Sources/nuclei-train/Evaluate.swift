import ArgumentParser
import Console
import Datasets
import Foundations
import Foundation
import NeuralNetworks
import Tensors
import Training

extension EvaluationSplit: ExpressibleByArgument {}

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Score a model, or several together, on tiles whose labels are known.",
        discussion: """
            A model remembers which tiles its training used for what, by their pixels. --split says which of them \
            are scored: test, validation or train, or unseen for labelled tiles that its training did not meet. \
            Several models score the tiles that are in this part for every one of them.

            Intervals hold 95 % of the values of 2000 resamples of the groups in labels.csv (of single tiles \
            without a group). Calibrated numbers are of the model's temperature, where its file has one.

            \(ExitStatus.help)
            """)

    @Argument(help: "Folder of tiles with labels.csv.")
    var dataset: FilePath

    @Option(help: "Model file (.safetensors).")
    var model: FilePath?

    @Option(
        parsing: .upToNextOption,
        help: "Two or more model files, of any architectures: their probabilities are averaged.")
    var ensemble: [FilePath] = []

    @Option(help: "Part of the data set to score.")
    var split = EvaluationSplit.test

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Score only tiles whose group fits one of these patterns, such as 'slide*'.", valueName: "pattern"))
    var groups: [String] = []

    @Flag(help: "List all groups, the worst first (always up to \(EvaluationReport.fewGroups) groups).")
    var byGroup = false

    @Option(help: ArgumentHelp("Write a row for each tile to a CSV file.", valueName: "file"))
    var predictions: FilePath?

    @Option(
        help: ArgumentHelp(
            "Blur the tiles first, by a Gaussian of so many pixels, 0 to 32: what happens out of focus.",
            valueName: "sigma"))
    var blur = 0.0

    @OptionGroup var batch: BatchOptions
    @OptionGroup var threads: ThreadOptions

    @Flag(help: "Print JSON instead of tables.")
    var json = false

    func validate() throws {
        guard model == nil || ensemble.isEmpty, model != nil || !ensemble.isEmpty else {
            throw ValidationError("expected either --model or --ensemble")
        }
        try require(0...32 ~= blur, "--blur", "0 to 32", found: blur)
        try require(ensemble.count != 1, "--ensemble", "two or more models", found: 1)
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            try Kernels.setThreadCount(threads.count)
            for (index, path) in ensemble.enumerated()
            where ensemble[..<index].contains(where: { AtomicFile.areSame($0, path) }) {
                throw FileError(path, expected: "another model than the others", found: "the same file")
            }
            let members = try (model.map { [$0] } ?? ensemble).map(EnsembleMember.init)
            let table = try predictionFile()
            let set = try TileSet(path: dataset, threads: threads.count)
            let tiles = try chosenTiles(of: set, for: members.map(\.split))

            var progress = Progress("evaluate", unit: "tiles")
            let start = ContinuousClock.now
            let total = tiles.count * members.count
            var outputs = [LabelledLogits]()
            for member in members {
                let predictor = try Predictor(member.model, batchSize: min(batch.size, tiles.count))
                outputs.append(
                    try Evaluation.predict(predictor, on: tiles, of: set, blur: blur) { done in
                        progress.update(outputs.count * tiles.count + done, of: total)
                        try Interruption.check("interrupted")
                    })
            }
            let seconds = (ContinuousClock.now - start).seconds
            let report = try EvaluationReport(
                self, members, outputs, tiles: tiles, of: set, tilesPerSecond: Double(tiles.count) / seconds)
            if let table {
                try table.write(Data(predictionTable(report.probabilities, tiles: tiles, of: set).utf8))
                try table.commit()
            }
            if json {
                Terminal.printLine(try jsonText(report, pretty: true))
            } else {
                report.show(allGroups: byGroup)
            }
        }
    }

    /// The open file for `--predictions`: whether it can be written is known before the work.
    private func predictionFile() throws(FileError) -> AtomicFile? {
        guard let predictions else { return nil }
        for input in ["\(dataset)/labels.csv" as FilePath] + (model.map { [$0] } ?? ensemble)
        where AtomicFile.areSame(input, predictions) {
            throw FileError(predictions, .unwritable, "expected another file than the input \(input), found the same")
        }
        return try AtomicFile(predictions)
    }

    private func chosenTiles(of set: TileSet, for records: [SplitRecord]) throws(FileError) -> [Int] {
        let inSplit = SplitRecord.indices(of: split, in: set, for: records)
        let part = "labelled tiles that are in the \(records.count == 1 ? "model's" : "models' common") split"
        guard !inSplit.isEmpty else {
            let hint =
                "none; --split unseen scores tiles that \(records.count == 1 ? "the model has" : "no model has") not met"
            throw FileError(
                dataset, expected: "\(part) \(split.rawValue)", found: split == .unseen ? "none" : hint)
        }
        guard !groups.isEmpty else { return inSplit }
        let chosen = inSplit.filter { index in
            set.tiles[index].group.map { group in groups.contains { fnmatch($0, group, 0) == 0 } } ?? false
        }
        guard !chosen.isEmpty else {
            let names = Set(inSplit.compactMap { set.tiles[$0].group }).sorted()
            let list = names.prefix(5).joined(separator: ", ") + (names.count > 5 ? " and \(names.count - 5) more" : "")
            throw FileError(
                dataset, expected: "\(part) \(split.rawValue), of groups \(groups.joined(separator: " or "))",
                found: names.isEmpty ? "tiles without groups" : "groups \(list)")
        }
        return chosen
    }
}

/// A model that is scored, with what its file says of its training.
struct EnsembleMember {
    let path: FilePath
    let model: Model
    let split: SplitRecord
    let calibration: Calibration?

    init(path: FilePath) throws {
        self.path = path
        model = try Model(path: path)
        try Evaluation.requireFit(model, path: path)
        split = try SplitRecord(model, path: path)
        calibration = try Calibration(model, path: path)
    }
}
