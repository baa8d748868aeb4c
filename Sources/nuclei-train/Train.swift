import ArgumentParser
import Console
import Datasets
import Files
import Foundation
import NeuralNetworks
import Tensors
import Training

extension Architecture: ExpressibleByArgument {}
extension OptimizerSettings.Method: ExpressibleByArgument {}
extension TrainingSettings.Schedule: ExpressibleByArgument {}

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a network on a folder of tiles.",
        discussion: """
            DATASET holds labels.csv (tile_id,label or filename,label, optionally with a column group) and the tiles \
            it names, 256 x 256 pixels. 20 % of the labelled tiles are held out for the test; tiles of one group \
            (slide, patient or source image) are never in two parts. The run folder gets best.safetensors, \
            last.safetensors, history.csv and run.json.

            \(ExitStatus.help)
            """)

    @Argument(help: "Folder of tiles with labels.csv.")
    var dataset: String?

    @Option(help: "Folder of a run that was stopped: go on with it, with its own data set and settings.")
    var resume: String?

    @Option(help: "Network to train.")
    var architecture = Architecture.lenet5

    @Option(help: "Passes over the training tiles.")
    var epochs = 20

    @OptionGroup var batch: BatchOptions

    @Option(help: "Step size of the optimizer.")
    var learningRate: Float = 1e-3

    @Option(help: "Rule of the steps.")
    var optimizer = OptimizerSettings.Method.adam

    @Option(help: "Decay of the weights: part of the gradient, or apart from it with adamw.")
    var weightDecay: Float = 0

    @Option(help: "Share of the last step that the next one keeps; for sgd.")
    var momentum: Float = 0

    @Option(help: "How the learning rate changes: not at all, or halved when the watched loss stops falling.")
    var schedule = TrainingSettings.Schedule.constant

    @Option(help: "Share of the dense layers' features that each step leaves out.")
    var dropout: Float = 0

    @Option(help: "Share of each label that is spread over both classes.")
    var labelSmoothing: Float = 0

    @Option(help: "Scale gradients of a larger global norm down to this (default: leave them as they are).")
    var clipNorm: Float?

    @Flag(help: "Stop when the watched loss has not fallen for --patience epochs.")
    var earlyStopping = false

    @Option(help: "Epochs without a fall of the watched loss before stopping early.")
    var patience = EarlyStopping().patience

    @Option(help: "What counts as a fall of the watched loss.")
    var minDelta = EarlyStopping().minimumDelta

    @Flag(help: "Hold out another 20 % of the training tiles to choose the best epoch by; without it the test does.")
    var validation = false

    @Option(help: "Seed of the initial weights and of the order of tiles.")
    var seed: UInt64 = 42

    @Option(help: "Seed of the split into training, validation and test.")
    var splitSeed: UInt64 = 42

    @Option(help: "Microns per pixel of the tiles, recorded in the model (default: not known).")
    var mpp: Double?

    @OptionGroup var threads: ThreadOptions

    @Option(help: "Folder for the run, new or empty (default: models/run-DATE-TIME).")
    var output: String?

    func validate() throws {
        try require(dataset != nil || resume != nil, "DATASET", "a folder of tiles, or --resume", found: "none")
        if resume != nil {
            let names = CommandLine.arguments.filter { $0.hasPrefix("-") }.map { $0.prefix { $0 != "=" } }
            let other = names.first { $0 != "--resume" && $0 != "--threads" } ?? dataset.map { $0[...] }
            try require(other == nil, "--resume", "no other argument than --threads beside it", found: other ?? "")
        }
        try require(epochs >= 1, "--epochs", "at least 1", found: epochs)
        try require(
            learningRate > 0 && learningRate.isFinite, "--learning-rate", "a positive number", found: learningRate)
        try require(weightDecay >= 0 && weightDecay.isFinite, "--weight-decay", "0 or more", found: weightDecay)
        try require(0..<1 ~= momentum, "--momentum", "0 or more, below 1", found: momentum)
        try require(momentum == 0 || optimizer == .sgd, "--momentum", "--optimizer sgd with it", found: optimizer)
        try require(0..<1 ~= dropout, "--dropout", "0 or more, below 1", found: dropout)
        try require(0..<1 ~= labelSmoothing, "--label-smoothing", "0 or more, below 1", found: labelSmoothing)
        try require(
            clipNorm.map { $0 > 0 && $0.isFinite } ?? true, "--clip-norm", "a positive number", found: clipNorm ?? 0)
        try require(patience >= 1, "--patience", "at least 1", found: patience)
        try require(minDelta >= 0 && minDelta.isFinite, "--min-delta", "0 or more", found: minDelta)
        let stopping = EarlyStopping()
        try require(
            earlyStopping || patience == stopping.patience && minDelta == stopping.minimumDelta,
            "--patience and --min-delta", "--early-stopping with them", found: "none")
        try require(mpp.map { $0 > 0 && $0.isFinite } ?? true, "--mpp", "a positive number", found: mpp ?? 0)
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            let output = resume ?? output ?? Self.newRunPath()
            var stopped: RunFolder?
            if resume == nil { try Folder.requireNew(output) } else { stopped = try RunFolder(resuming: output) }
            let settings = stopped?.record.settings ?? settings
            try Kernels.setThreadCount(threads.count)
            let set = try TileSet(path: stopped?.record.dataset ?? dataset ?? "", threads: threads.count)
            let split = try Split(set, settings.split)
            describe(set, split)
            var trainer = try Trainer(settings, set: set, split: split)
            try stopped?.restore(&trainer)
            var folder = try stopped ?? RunFolder(path: output, for: trainer, version: version)
            try folder.saveRecord()
            let parameters = String(format: "%.2f M", Double(folder.record.parameters) / 1e6)
            Terminal.printLine("\(settings.architecture.rawValue)  \(parameters) parameters, \(threads.count) threads")
            Terminal.printLine("run    \(folder.path)\n")
            Terminal.printLine(Self.header(watched: trainer.watched))
            do {
                while !trainer.isDone {
                    try trainEpoch(&trainer, folder)
                    try folder.save(trainer)
                }
                try finish(trainer, &folder)
            } catch {
                folder.record.state = error is Interrupted ? .interrupted : .failed
                folder.record.failure = error is Interrupted ? nil : "\(error)"
                // The first error is the one to tell.
                try? folder.saveRecord()
                throw error
            }
        }
    }

    private var settings: TrainingSettings {
        var settings = TrainingSettings()
        settings.architecture = architecture
        settings.epochs = epochs
        settings.batchSize = batch.size
        settings.optimizer = OptimizerSettings(
            method: optimizer, learningRate: learningRate, weightDecay: weightDecay)
        settings.optimizer.momentum = momentum
        settings.schedule = schedule
        settings.dropout = dropout
        settings.labelSmoothing = labelSmoothing
        settings.clipNorm = clipNorm
        if earlyStopping {
            var stopping = EarlyStopping()
            stopping.patience = patience
            stopping.minimumDelta = minDelta
            settings.earlyStopping = stopping
        }
        settings.split.validationShare = validation ? 0.2 : 0
        settings.split.seed = splitSeed
        settings.seed = seed
        settings.micronsPerPixel = mpp
        return settings
    }

    private static func newRunPath() -> String {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.dateFormat = "yyyyMMdd-HHmmss"
        return "models/run-\(format.string(from: Date()))"
    }

    private func describe(_ set: TileSet, _ split: Split) {
        Terminal.printLine("tiles        \(TileLabel.names.reversed().joined(separator: "  "))")
        let parts = [("training", split.train), ("validation", split.validation), ("test", split.test)]
        for (name, part) in parts where !part.isEmpty {
            let counts = set.counts(of: part)
            Terminal.printLine(
                name.padded(10) + String(counts[1]).padded(-9) + String(counts[0]).padded(-12)
                    + groups(of: part, in: set))
        }
        Terminal.printLine("unlabelled".padded(10) + String(set.unlabelled.count).padded(-9))
        let ungrouped = set.labelled.count { set.tiles[$0].group == nil }
        if set.hasGroups, ungrouped > 0 {
            Terminal.printLine("warning: \(ungrouped) labelled tiles are of no group; each counts as one of its own")
        }
        for (first, second) in set.contradictions.prefix(5) {
            Terminal.printLine(
                "warning: \(set.tiles[first].filename) and \(set.tiles[second].filename) have the same pixels, "
                    + "but other labels")
        }
    }

    private func groups(of part: [Int], in set: TileSet) -> String {
        set.hasGroups ? "  from \(Set(part.map { set.tiles[$0].group ?? set.tiles[$0].filename }).count) groups" : ""
    }

    private static func header(watched: EvaluationSplit) -> String {
        let name = watched.rawValue
        return "epoch   train loss  accuracy   \(name) loss  accuracy      F1   tiles/s   time"
    }

    private func trainEpoch(_ trainer: inout Trainer, _ folder: RunFolder) throws {
        let epoch = trainer.history.count + 1
        let epochs = trainer.settings.epochs
        let watched = trainer.watched.rawValue
        var progress = Progress("epoch \(epoch)/\(epochs)", unit: "tiles")
        try trainer.trainEpoch { event in
            switch event {
            case .batch(_, let done, let total, let loss, let accuracy):
                let details = String(format: "loss %.4f  accuracy %.3f", loss, accuracy)
                progress.update(done, of: total, details: details)
                try Interruption.check(
                    "interrupted in epoch \(epoch); nuclei-train --resume \(folder.path) goes on from its start")
            case .epoch(let record, let isBest):
                let numbers = String(
                    format: "%10.4f  %8.3f   %*.4f  %8.3f  %6.3f  %8.1f", record.trainLoss, record.trainAccuracy,
                    watched.count + 5, record.watchedLoss, record.watchedAccuracy, record.watchedF1,
                    record.tilesPerSecond)
                Terminal.printLine(
                    String(epoch).padded(-5) + "   \(numbers)  "
                        + Console.Progress.clock(record.seconds).padded(-5) + (isBest ? "  best" : ""))
            }
        }
    }

    private func finish(_ trainer: Trainer, _ folder: inout RunFolder) throws {
        let last = try trainer.score(trainer.split.test)
        try trainer.restore(from: folder.bestModel)
        try folder.finish(bestTest: trainer.score(trainer.split.test), lastTest: last)
        Terminal.printLine()
        if trainer.history.count < trainer.settings.epochs {
            Terminal.printLine("stopped early: the \(trainer.watched.rawValue) loss no longer falls")
        }
        let rows = [
            ("best", folder.record.bestTest, folder.record.bestEpoch),
            ("last", folder.record.lastTest, trainer.history.count),
        ]
        for (name, score, epoch) in rows {
            guard let score, let epoch else { continue }
            let numbers = String(
                format: "test loss %.4f  accuracy %.4f  weighted F1 %.4f", score.loss, score.accuracy, score.weighted.f1
            )
            Terminal.printLine("\(name)  epoch \(String(epoch).padded(-3))  \(numbers)")
        }
        if trainer.watched == .test {
            Terminal.printLine(
                "The test chose the best epoch, so its score flatters it; --validation gives a fair one.")
        }
        Terminal.printLine("models and records are in \(folder.path)")
    }
}

extension String {
    /// Filled with spaces to a width; a negative width puts them in front.
    func padded(_ width: Int) -> String {
        let spaces = String(repeating: " ", count: max(0, abs(width) - count))
        return width < 0 ? spaces + self : self + spaces
    }
}
