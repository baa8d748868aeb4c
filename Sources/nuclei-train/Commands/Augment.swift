import ArgumentParser
import Console
import Datasets
import Foundations
import Imaging
import Tensors

struct Augment: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Draw augmented tiles.",
        discussion: """
            Writes a contact sheet with a row for each tile: the original, then its augmented variants in successive \
            epochs, exactly as training uses them.

            \(ExitStatus.help)
            """)

    @Argument(help: "Folder of tiles with labels.csv.")
    var dataset: FilePath

    @Option(name: .shortAndLong, help: "Picture to write: .png or .jpg.")
    var output: FilePath

    @OptionGroup var augmentation: AugmentationOptions

    @Option(help: "Number of tiles (rows), drawn at random by the seed.")
    var tiles = 8

    @Option(help: "Augmented variants of each tile (columns).")
    var variants = 8

    @Option(help: "Epoch of the first variant.")
    var epoch = 1

    @Option(help: "Seed. The same seed gives the same picture.")
    var seed: UInt64 = 42

    @OptionGroup var target: TargetOptions
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var messages: MessageOptions

    func validate() throws {
        try augmentation.check(AugmentationOptions.usualPreset)
        try require(1...1000 ~= tiles, "--tiles", "1 to 1000", found: tiles)
        try require(1...100 ~= variants, "--variants", "1 to 100", found: variants)
        try require(1...1_000_000 ~= epoch, "--epoch", "1 to 1000000", found: epoch)
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            messages.apply()
            try Kernels.checkEnvironment()
            try Kernels.setThreadCount(threads.count)
            let set = try Interruption.endingAtOnce {
                try TileSet(showingProgress: dataset, target: target.target, threads: threads.count)
            }
            try set.requireNoInput(output)
            guard !set.tiles.isEmpty else { throw FileError(dataset, expected: "tiles", found: "none") }
            var random = SplitMix64(seed: seed, stream: 0x7368_6565_74)
            let chosen = Array(set.tiles.indices.shuffled(using: &random).prefix(tiles))
            let sheet = ContactSheet(
                set, tiles: chosen, variants: variants, seed: seed, epoch: epoch,
                settings: augmentation.settings(AugmentationOptions.usualPreset))
            let writer = try openImageForWriting(output, width: sheet.width, height: sheet.height)
            try sheet.write(to: writer, threads: threads.count) {
                try Interruption.check("interrupted; no picture was written")
            }
            for tile in chosen { Terminal.printLine(set.tiles[tile].filename) }
            Terminal.printLine("\(output): \(chosen.count) tiles, \(variants) variants each")
        }
    }
}
