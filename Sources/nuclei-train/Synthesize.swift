import ArgumentParser
import Console
import Datasets
import Foundations
import Synchronization
import SyntheticTissue

struct Synthesize: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Make a data set of synthetic tiles and crops, for demonstrations and tests.",
        discussion: """
            OUT gets tiles in the look of H&E with labels.csv, and crops with the truth about their nuclei. They are \
            made by a program: a network that does well on them has not shown that it does well on tissue.

            \(ExitStatus.help)
            """)

    @Argument(help: "Folder to make, new or empty.")
    var out: FilePath

    @Option(help: "Labelled tiles.")
    var tiles = 1000

    @Option(help: "Further tiles without a label.")
    var unlabelled = 0

    @Option(help: "Crops, each a JPEG and a mask of its nuclei.")
    var crops = 1

    @Option(help: "Side of a crop in pixels.")
    var cropSize = 2048

    @Option(help: "Seed: the same gives the same images.")
    var seed: UInt64 = 42

    @OptionGroup var threads: ThreadOptions

    func validate() throws {
        try require(0...1_000_000 ~= tiles, "--tiles", "0 to 1000000", found: tiles)
        try require(0...1_000_000 ~= unlabelled, "--unlabelled", "0 to 1000000", found: unlabelled)
        try require(0...10_000 ~= crops, "--crops", "0 to 10000", found: crops)
        try require(256...16384 ~= cropSize, "--crop-size", "256 to 16384", found: cropSize)
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            let dataset = SyntheticDataset(
                tiles: tiles, unlabeled: unlabelled, crops: crops, cropSize: cropSize, seed: seed)
            let total = tiles + unlabelled + crops
            let progress = Mutex(Progress("synthesize", unit: "images"))
            try dataset.write(to: out, threads: threads.count) { done in
                progress.withLock { $0.update(done, of: total) }
                try Interruption.check("interrupted; \(out) is not complete")
            }
            Terminal.printLine(
                "\(out): \(tiles) labelled and \(unlabelled) unlabelled tiles, \(crops) crops; synthetic, seed \(seed)")
        }
    }
}
