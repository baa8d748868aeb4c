import ArgumentParser
import Console
import Datasets
import Foundations
import Foundation
import NeuralNetworks
import Reports
import Tensors
import Training

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a network on a folder of tiles.",
        discussion: """
            DATASET holds labels.csv (tile_id,label or filename,label, optionally with a column group) and the tiles \
            it names, 256 x 256 pixels. 20 % of the labelled tiles are held out for the test; tiles of one group \
            (slide, patient or source image) are never in two parts. The run folder gets best.safetensors, \
            last.safetensors, history.csv, run.json \
            and report.html.

            \(ExitStatus.help)
            """)

    @Argument(help: "Folder of tiles with labels.csv.")
    var dataset: FilePath?

    @Option(help: "Folder of a run that was stopped: go on with it, with its own data set and settings.")
    var resume: FilePath?

    @OptionGroup(title: "Learning") var options: TrainingOptions

    @OptionGroup var threads: ThreadOptions

    @Option(help: "Folder for the run, new or empty (default: models/run-DATE-TIME).")
    var output: FilePath?

    func validate() throws {
        try require(dataset != nil || resume != nil, "DATASET", "a folder of tiles, or --resume", found: "none")
        if resume != nil {
            let names = CommandLine.arguments.filter { $0.hasPrefix("-") }.map { $0.prefix { $0 != "=" } }
            let other = names.first { $0 != "--resume" && $0 != "--threads" } ?? dataset.map { $0.string[...] }
            try require(other == nil, "--resume", "no other argument than --threads beside it", found: other ?? "")
        }
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            let output = resume ?? output ?? Self.newRunPath()
            var stopped: RunFolder?
            if resume == nil { try Folder.requireNew(output) } else { stopped = try RunFolder(resuming: output) }
            let settings = stopped?.record.settings ?? options.settings
            try Kernels.setThreadCount(threads.count)
            let set = try TileSet(
                path: stopped.map { FilePath($0.record.dataset) } ?? dataset ?? "", threads: threads.count)
            let split = try Split(set, settings.split)
            describe(set, split)
            var run =
                if let stopped {
                    try TrainingRun(resuming: stopped, set: set, split: split)
                } else {
                    try TrainingRun(
                        settings, set: set, split: split, path: output, version: version, command: Self.command)
                }
            if let warning = run.trainer.initialModelWarning { Terminal.printLine("warning: \(warning)") }
            let parameters = String(format: "%.2f M", Double(run.folder.record.parameters) / 1e6)
            let what = "\(settings.strategy.rawValue) training, \(threads.count) threads"
            Terminal.printLine("\(settings.architecture.rawValue)  \(parameters) parameters, \(what)")
            Terminal.printLine("run    \(output)\n")
            Terminal.printLine(Self.header(watched: run.trainer.watched))
            var screen = TrainingScreen(settings, folder: output, watched: run.trainer.watched)
            try run.run(
                isStop: { $0 is Interrupted }, report: { try screen.show($0) },
                conclude: { try RunReport($0).page.write(to: "\(output)/report.html") })
            conclude(run)
        }
    }

    /// The command line, so that a shell takes it again.
    private static var command: String {
        let arguments = CommandLine.arguments.dropFirst().map { argument in
            let isPlain =
                !argument.isEmpty && argument.allSatisfy { $0.isLetter || $0.isNumber || "-_./=:,+".contains($0) }
            return isPlain ? argument : "'" + argument.replacingOccurrences(of: "'", with: "'\\''") + "'"
        }
        return (["nuclei-train"] + arguments).joined(separator: " ")
    }

    private static func newRunPath() -> FilePath {
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
        Terminal.printLine("unlabelled".padded(10) + String(split.unlabeled.count).padded(-9))
        let ungrouped = set.labeled.count { set.tiles[$0].group == nil }
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

    private func conclude(_ run: TrainingRun) {
        let record = run.folder.record
        Terminal.printLine()
        if run.trainer.history.count < run.trainer.settings.epochs {
            Terminal.printLine("stopped early: the \(run.trainer.watched.rawValue) loss no longer falls")
        }
        for (name, score) in [("best", record.bestTest), ("last", record.lastTest)] {
            guard let score else { continue }
            let numbers = String(
                format: "test loss %.4f  accuracy %.4f  weighted F1 %.4f", score.loss, score.accuracy, score.weighted.f1
            )
            Terminal.printLine("\(name)  \(numbers)")
        }
        if run.trainer.chosenOn == .test {
            Terminal.printLine(
                "The test chose the best epoch, so its score flatters it; --validation gives a fair one.")
        }
        Terminal.printLine("models, records and report.html are in \(run.folder.path)")
    }
}

extension String {
    /// Filled with spaces to a width; a negative width puts them in front.
    func padded(_ width: Int) -> String {
        let spaces = String(repeating: " ", count: max(0, abs(width) - count))
        return width < 0 ? spaces + self : self + spaces
    }
}
