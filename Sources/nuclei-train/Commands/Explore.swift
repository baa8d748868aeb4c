import ArgumentParser
import Console
import Datasets
import Foundation
import Foundations
import Reports
import Synchronization
import Tensors

struct Explore: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Examine a data set before training.",
        discussion: """
            Counts classes and groups. Shows pixel statistics, histograms and principal components. Finds blank, \
            blurred, saturated and pen-marked tiles, and duplicates and near-duplicates, also across the parts of the \
            split of train with the same --validation and --split-seed, where images are cut into the same tiles \
            (--tile-size 128 --mpp 0.5 for a unet). Measures how well color and texture alone \
            separate the classes. Writes exploration.html and exploration.json to the folder --output, replacing those \
            of an earlier exploration.

            \(ExitStatus.help)
            """)

    @Argument(help: "Folder of tiles with labels.csv.")
    var dataset: FilePath

    @Flag(help: "Examine the split of train --validation.")
    var validation = false

    @Option(help: "Seed of the split into training, validation and test.")
    var splitSeed: UInt64 = 42

    @OptionGroup var target: TargetOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var messages: MessageOptions

    @Option(
        name: .shortAndLong, help: "Folder for the results (default: data/explore-NAME, where NAME is the data set's).")
    var output: FilePath?

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            messages.apply()
            let output = output ?? Self.defaultOutput(for: dataset)
            try Kernels.checkEnvironment()
            try Kernels.setThreadCount(threads.count)
            let set = try Interruption.endingAtOnce {
                try TileSet(showingProgress: dataset, target: target.target, threads: threads.count)
            }
            let (page, numbers): (FilePath, FilePath) = ("\(output)/exploration.html", "\(output)/exploration.json")
            for file in [page, numbers] { try set.requireNoInput(file) }
            var settings = Split.Settings()
            settings.validationShare = validation ? Split.Settings.defaultValidationShare : 0
            settings.seed = splitSeed
            let bars = Mutex<[Exploration.Stage: Console.Progress]>([:])
            let exploration = try Exploration(set, settings, threads: threads.count) { stage, done in
                bars.withLock { bars in
                    var bar = bars[stage] ?? Console.Progress(stage.rawValue, unit: "tiles")
                    bar.update(done, of: set.tiles.count)
                    bars[stage] = bar
                }
                try Interruption.check("interrupted; nothing was written")
            }
            try Folder.ensure(output)
            try AtomicFile.write(JSON.text(exploration) + "\n", to: numbers)
            try ExplorationReport(exploration, set, scratch: output).page().write(to: page)
            ExplorationSummary(exploration).show()
            Terminal.printLine()
            Terminal.printLine(
                "the page is \(page); all numbers are in \(numbers)")
        }
    }

    private static func defaultOutput(for dataset: FilePath) -> FilePath {
        let name = URL(fileURLWithPath: dataset.string).standardizedFileURL.lastPathComponent
        return "data/explore-\(name == "/" ? "root" : name)"
    }
}
