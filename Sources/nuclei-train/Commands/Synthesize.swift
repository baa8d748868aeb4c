import ArgumentParser
import Console
import Datasets
import Foundations
import Synchronization
import SyntheticTissue

struct Synthesize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Generate a synthetic data set, for demonstrations and tests.",
        discussion: """
            Writes H&E-like tiles with labels.csv, and crops with masks of their nuclei, to the folder OUT. Performance \
            on synthetic images says nothing about performance on tissue.

            \(ExitStatus.help)
            """)

    @Argument(help: "Folder of the data set, new or empty.")
    var out: FilePath

    @Option(help: "Number of labeled tiles.")
    var tiles = 1000

    @Option(
        name: [.customLong("unlabeled"), .customLong("unlabelled")], help: "Number of further tiles without a label.")
    var unlabeled = 0

    @Option(help: "Number of crops, each a JPEG with a mask of its nuclei.")
    var crops = 1

    @Option(help: "Width and height of a crop in pixels.")
    var cropSize = 2048

    @Flag(help: "Write masks of the nuclei of labeled tiles too, for models that outline nuclei.")
    var masks = false

    @Option(help: "Seed. The same seed gives the same images.")
    var seed: UInt64 = 42

    @OptionGroup var threads: ThreadOptions
    @OptionGroup var messages: MessageOptions

    func validate() throws {
        try require(0...1_000_000 ~= tiles, "--tiles", "0 to 1000000", found: tiles)
        try require(0...1_000_000 ~= unlabeled, "--unlabeled", "0 to 1000000", found: unlabeled)
        try require(0...10_000 ~= crops, "--crops", "0 to 10000", found: crops)
        try require(256...16384 ~= cropSize, "--crop-size", "256 to 16384", found: cropSize)
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            messages.apply()
            var dataset = SyntheticDataset(
                tiles: tiles, unlabeled: unlabeled, crops: crops, cropSize: cropSize, seed: seed)
            dataset.hasMasks = masks
            let total = tiles + unlabeled + crops
            let progress = Mutex(Progress("synthesize", unit: "images"))
            try dataset.write(to: out, threads: threads.count) { done in
                progress.withLock { $0.update(done, of: total) }
                try Interruption.check("interrupted; \(out) is incomplete")
            }
            Terminal.printLine(
                "\(out): \(tiles) labeled and \(unlabeled) unlabeled tiles, \(crops.counted("crop")); synthetic, seed \(seed)"
            )
        }
    }
}
