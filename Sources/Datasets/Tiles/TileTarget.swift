import Foundations

/// The size and resolution that all tiles of a data set are brought to, as a model needs them.
package struct TileTarget: Equatable, Sendable {
    /// The side of a tile unless another one is asked for, in pixels.
    package static let usualSide = 256
    /// The least side: measures of tiles use means over 64 x 64 squares.
    package static let smallestSide = 64
    /// Images whose resolution differs from the target by at most this share are not resampled.
    static let tolerance = 0.02
    /// The largest factor by which images are enlarged. Beyond it, tiles would have no detail at all.
    static let largestEnlargement = 4.0

    /// The side of a tile in pixels.
    package let side: Int
    /// Microns per pixel of the tiles. Images of a known other resolution are resampled. Nil leaves all as they are.
    package let micronsPerPixel: Double?
    /// The classes of pixels that outlines of nuclei become.
    package let pixelClasses: PixelClasses

    package init(
        side: Int = Self.usualSide, micronsPerPixel: Double? = nil, pixelClasses: PixelClasses = PixelClasses()
    ) {
        precondition(side >= Self.smallestSide, "tiles of \(side) px")
        precondition(micronsPerPixel.map(plausibleMicronsPerPixel.contains) ?? true, "tiles of no known microscope")
        self.side = side
        self.micronsPerPixel = micronsPerPixel
        self.pixelClasses = pixelClasses
    }

    /// Bytes of the RGB pixels of a tile.
    var tileBytes: Int { side * side * 3 }
    /// Bytes of the class map of a tile.
    var mapBytes: Int { side * side }

    /// The factor that brings an image of a resolution to the target; 1 where either is unknown or both about agree.
    func scale(from micronsPerPixel: Double?) -> Double {
        guard let own = micronsPerPixel, let wanted = self.micronsPerPixel else { return 1 }
        return abs(own / wanted - 1) <= Self.tolerance ? 1 : own / wanted
    }

    /// Microns per pixel of the tiles of an image; nil where unknown.
    func resolution(of micronsPerPixel: Double?) -> Double? {
        micronsPerPixel.map { $0 / scale(from: $0) }
    }
}

extension TileTarget: CustomStringConvertible {
    package var description: String {
        "\(side) pixels" + (micronsPerPixel.map { " at \(String($0, significantDigits: 3)) microns per pixel" } ?? "")
    }
}
