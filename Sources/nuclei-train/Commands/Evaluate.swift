import ArgumentParser
import BundledModels
import Console
import Datasets
import Foundation
import Foundations
import NeuralNetworks
import Tensors
import Training

extension EvaluationSplit: ExpressibleByArgument {}

struct Evaluate: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Score a model or an ensemble on labeled tiles.",
        discussion: """
            A model file records the split of its training tiles, by hashes of their pixels. --split selects the part \
            to score: test, validation, train, or unseen for labeled tiles outside the training data; tiles that only look like training tiles are left \
            out of unseen. An ensemble scores \
            tiles that are in this part for all its models.

            Scores have 95 % bootstrap intervals over the groups in labels.csv, or over single tiles without groups. \
            Calibrated numbers use the temperature in the model file, if it has one.

            \(ExitStatus.help)
            """)

    @Argument(help: "Folder of tiles with labels.csv.")
    var dataset: FilePath

    @Option(name: .shortAndLong, help: "Model file (.safetensors), or a bundled model: nuclei-unet or nuclei-compact.")
    var model: FilePath?

    @Option(
        parsing: .upToNextOption,
        help: "Two or more models with tiles of the same size and resolution, whose probabilities are averaged.")
    var ensemble: [FilePath] = []

    @Option(help: "Part of the data set to score.")
    var split = EvaluationSplit.test

    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Score only tiles of groups that match one of these patterns, such as 'slide*'.", valueName: "pattern"))
    var groups: [String] = []

    @Flag(help: "List all groups, the worst first. Without it, up to \(EvaluationReport.fewGroups) groups are listed.")
    var byGroup = false

    @Option(help: ArgumentHelp("CSV file to write, with a row for each tile.", valueName: "file"))
    var predictions: FilePath?

    @Option(
        help: ArgumentHelp(
            "Blur the tiles first, to simulate defocus. The standard deviation of the Gaussian in pixels, 0 to 32.",
            valueName: "sigma"))
    var blur = 0.0

    @OptionGroup var batch: BatchOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var messages: MessageOptions

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
            messages.apply(json: json, resultsArePurpose: true)
            try Kernels.checkEnvironment()
            try Kernels.setThreadCount(threads.count)
            let (members, set) = try Interruption.endingAtOnce {
                let members = try (model.map { [$0] } ?? ensemble).map { path in
                    Terminal.showStatus("reading model \(path)")
                    return try EnsembleMember(path: path)
                }
                for (index, member) in members.enumerated()
                where members[..<index].contains(where: { $0.sha256 == member.sha256 }) {
                    throw FileError(member.path, expected: "different models", found: "the same model twice")
                }
                let target = members[0].target
                if let other = members.first(where: { $0.target != target }) {
                    throw FileError(
                        other.path, expected: "a model for tiles of \(target)",
                        found: "one for tiles of \(other.target)")
                }
                return (members, try TileSet(showingProgress: dataset, target: target, threads: threads.count))
            }
            let table = try predictionFile()
            if let predictions { try set.requireNoInput(predictions) }
            let (copyCount, learnedCount) = warnAboutLeftOut(in: set, of: members)
            let tiles = try chosenTiles(
                of: set, for: members.map(\.split), copyCount: copyCount, learnedCount: learnedCount)

            var progress = Progress("evaluate", unit: "tiles")
            let start = ContinuousClock.now
            let total = tiles.count * members.count
            var outputs = [LabeledLogits]()
            for member in members {
                let predictor = try Predictor(member.model, batchSize: min(batch.size, tiles.count))
                outputs.append(
                    try Evaluation.predict(predictor, on: tiles, of: set, blur: blur) { done in
                        progress.update(outputs.count * tiles.count + done, of: total)
                        try Interruption.check("interrupted")
                    })
            }
            let seconds = start.secondsSince
            let report = try EvaluationReport(
                self, members, outputs, tiles: tiles, of: set, copyCount: copyCount, learnedCount: learnedCount,
                tilesPerSecond: Double(tiles.count) / seconds)
            if let table {
                try table.write(Data(predictionTable(report.probabilities, tiles: tiles, of: set).utf8))
                try table.commit()
            }
            if json {
                try Terminal.printJSON(report)
            } else {
                report.show(allGroups: byGroup)
            }
        }
    }

    /// The file for `--predictions`, opened before the work so that errors come early.
    private func predictionFile() throws(FileError) -> AtomicFile? {
        guard let predictions else { return nil }
        try predictions.requireDistinct(from: model.map { [$0] } ?? ensemble)
        return try AtomicFile(predictions)
    }

    /// Warns about tiles that look like tiles of the training data, and about held out ones that an initial model or a
    /// teacher has learned. Returns their numbers.
    private func warnAboutLeftOut(in set: TileSet, of members: [EnsembleMember]) -> (copies: Int, learned: Int) {
        let learned = SplitRecord.learnedCount(of: split, in: set, for: members.map(\.split))
        if learned > 0 {
            Terminal.warn(
                "\(learned.counted("tile")) of split \(split.rawValue) taught an initial model or a teacher: not scored"
            )
        }
        guard split == .unseen else { return (0, learned) }
        for member in members where !member.split.hasAppearances {
            Terminal.warn(
                "\(member.path) was trained by an earlier version: re-encoded copies of its training tiles "
                    + "count as unseen")
        }
        let count = SplitRecord.copyCount(in: set, for: members.map(\.split))
        if count > 0 {
            Terminal.warn(
                "\(count) tiles look like tiles of the training data (re-encoded, rotated or mirrored copies) and "
                    + "are not scored")
        }
        return (count, learned)
    }

    private func chosenTiles(
        of set: TileSet, for records: [SplitRecord], copyCount: Int, learnedCount: Int
    ) throws(FileError) -> [Int] {
        let inSplit = SplitRecord.indices(of: split, in: set, for: records)
        let part = "labeled tiles in the \(records.count == 1 ? "model's" : "models' common") split"
        guard !inSplit.isEmpty else {
            let hint =
                switch (split, copyCount + learnedCount) {
                case (.unseen, 0): ""
                case (.unseen, let count): " except \(count) that look like tiles of the training data"
                case (_, 0): "; --split unseen scores tiles outside the training data"
                case (_, let count): " except \(count) that taught an initial model or a teacher"
                }
            throw FileError(dataset, expected: "\(part) \(split.rawValue)", found: "none\(hint)")
        }
        guard !groups.isEmpty else { return inSplit }
        let all = Set(set.tiles.compactMap(\.group))
        let meant = groups.reduce(into: Set()) { $0.formUnion(Split.names(all, matching: $1)) }
        let chosen = inSplit.filter { index in
            set.tiles[index].group.map(meant.contains) ?? false
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

/// A model with the records of its training.
struct EnsembleMember {
    /// Its file, or the name of a bundled model.
    let path: FilePath
    let model: Model
    /// Digest of the model's file.
    let sha256: String
    let split: SplitRecord
    let calibration: Calibration?
    /// The tiles that the model takes.
    var target: TileTarget {
        TileTarget(side: model.description.tileSize, micronsPerPixel: model.description.micronsPerPixel)
    }

    init(path: FilePath) throws {
        self.path = path
        (model, sha256) = try ModelChoice(path).load()
        try Evaluation.requireFit(model, side: nil, path: path)
        split = try SplitRecord(model, path: path)
        calibration = try Calibration(model, path: path)
    }
}
