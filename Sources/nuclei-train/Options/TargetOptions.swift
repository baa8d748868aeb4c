import ArgumentParser
import Console
import Datasets
import Foundations

/// The options for the size and resolution of tiles, for commands that show a data set as a model gets it.
struct TargetOptions: ParsableArguments {
    @Option(help: "Side of a tile in pixels; larger images are cut into tiles.")
    var tileSize = TileTarget.usualSide

    @Option(
        name: .customLong("mpp"),
        help: "Microns per pixel to bring images to whose resolution labels.csv gives (default: as they are).")
    var micronsPerPixel: Double?

    func validate() throws {
        try require(
            TileTarget.smallestSide...4096 ~= tileSize, "--tile-size", "\(TileTarget.smallestSide) to 4096",
            found: tileSize)
        let range = plausibleMicronsPerPixel
        try require(
            micronsPerPixel.map(range.contains) ?? true, "--mpp", "\(range.lowerBound) to \(range.upperBound)",
            found: micronsPerPixel ?? 0)
    }

    var target: TileTarget { TileTarget(side: tileSize, micronsPerPixel: micronsPerPixel) }
}
