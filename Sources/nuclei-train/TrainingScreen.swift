import Console
import Datasets
import Foundation
import Foundations
import Training

/// Shows a training run as it goes: progress, a line for each epoch, and what comes of cycles.
struct TrainingScreen {
    private let settings: TrainingSettings
    private let folder: FilePath
    private let watched: EvaluationSplit
    private var progress: (epoch: Int, bar: Console.Progress)?

    init(_ settings: TrainingSettings, folder: FilePath, watched: EvaluationSplit) {
        self.settings = settings
        self.folder = folder
        self.watched = watched
    }

    /// Throws `Interrupted` after Ctrl-C.
    mutating func show(_ event: TrainingEvent) throws {
        switch event {
        case .batch(let epoch, let done, let total, let loss, let accuracy):
            if progress?.epoch != epoch {
                progress = (epoch, Progress("epoch \(epoch)/\(settings.epochs)", unit: "tiles"))
            }
            let details = String(format: "loss %.4f  accuracy %.3f", loss, accuracy)
            progress?.bar.update(done, of: total, details: details)
            try Interruption.check(
                "interrupted in epoch \(epoch); nuclei-train --resume \(folder) goes on from the last checkpoint")
        case .prediction(let done, let total):
            if progress?.epoch != 0 { progress = (0, Progress("predict", unit: "tiles")) }
            progress?.bar.update(done, of: total)
            try Interruption.check("interrupted; nuclei-train --resume \(folder) goes on from the last checkpoint")
        case .epoch(let record, let isBest):
            progress = nil
            let numbers = String(
                format: "%10.4f  %8.3f   %*.4f  %8.3f  %6.3f  %8.1f", record.trainLoss, record.trainAccuracy,
                watched.rawValue.count + 5, record.watchedLoss, record.watchedAccuracy, record.watchedF1,
                record.tilesPerSecond)
            Terminal.printLine(
                String(record.epoch).padded(-5) + "   \(numbers)  "
                    + Console.Progress.clock(record.seconds).padded(-5) + (isBest ? "  best" : ""))
        case .cycle(let cycle):
            let numbers = String(
                format: "%@ accuracy %.3f  F1 %.3f  calibrated loss %.4f  temperature %.2f", watched.rawValue,
                cycle.watched.accuracy, cycle.watched.weighted.f1, cycle.calibratedLoss, cycle.temperature)
            Terminal.printLine("cycle \(cycle.cycle)  \(numbers)")
            if !cycle.isKept {
                Terminal.printLine(
                    "cycle \(cycle.cycle) is rolled back: it is worse than the cycle before, whose model stays")
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
                    + "\(unsure) not sure enough, \(full) of a class at its limit\n")
        }
    }
}
