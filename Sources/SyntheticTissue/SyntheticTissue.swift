import Datasets
import Imaging
import Tensors

/// A synthetic image with known nuclei.
package struct SyntheticImage: Sendable, Equatable {
    package let width: Int
    package let height: Int
    /// RGB, interleaved, row by row.
    package internal(set) var pixels: [UInt8]
    /// The mask of the nuclei, one byte per pixel: 255 in a nucleus, 0 elsewhere.
    package internal(set) var truth: [UInt8]
    /// The number of nuclei with a center in the image.
    package internal(set) var nucleusCount: Int

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        pixels = [UInt8](repeating: 0, count: width * height * 3)
        truth = [UInt8](repeating: 0, count: width * height)
        nucleusCount = 0
    }
}

/// A generator of synthetic images of one slide, which imitate H&E at 20x to 40x for demonstrations and tests.
///
/// Images are computed from amounts of two stains, by Beer-Lambert's law, an optical blur and sensor noise. All images of
/// a slide share stains, light, sharpness and the distribution of nuclei. Equal seeds, slides and indices give equal
/// bytes, in any order and on any thread. Good scores on these images do not imply good scores on tissue.
///
/// Use tiles of every kind from every slide. Otherwise a network learns the colors of slides with one class only.
package struct SyntheticTissue: Sendable {
    /// A notice to store with the images.
    package static let notice = "Synthetic images that imitate H&E, with known nuclei. No patient, no microscope."
    /// The side of a tile, in pixels.
    package static let tileSize = TileSet.tileSize
    /// The side of the blocks that an image is computed in, in pixels. It limits the memory for large crops.
    private static let blockSize = 512

    package let appearance: SlideAppearance
    private let slideSeed: UInt64

    package init(seed: UInt64, slide: Int) {
        slideSeed = SplitMix64.derive(seed, [UInt64(bitPattern: Int64(slide))])
        appearance = SlideAppearance(seed: slideSeed)
    }

    /// Tile number `index` of a kind, 256 x 256 pixels.
    package func tile(_ index: Int, kind: TileKind) -> SyntheticImage {
        let size = SyntheticTissue.tileSize
        let seed = imageSeed(index, purpose: 1 + UInt64(TileKind.allCases.firstIndex(of: kind)!))
        var layout = TissueLayout(tile: kind, size: size, seed: seed, appearance: appearance)
        if kind.hasNuclei { layout.ensureNuclei(size: size, appearance: appearance) }
        return render(layout, width: size, height: size, blockSize: SyntheticTissue.blockSize)
    }

    /// Crop number `index` of the slide, with regions of dense nuclei, stroma without nuclei, fat and glass.
    ///
    /// A crop of at least 512 x 512 pixels has a window of 256 x 256 pixels, at multiples of 128, without any nucleus, and
    /// another one with many. Takes 4 bytes per pixel, and about 20 MB of temporary memory.
    package func crop(_ index: Int, width: Int, height: Int) -> SyntheticImage {
        crop(index, width: width, height: height, blockSize: SyntheticTissue.blockSize)
    }

    /// The same crop, computed in blocks of another side, in pixels. The result does not depend on it.
    package func crop(_ index: Int, width: Int, height: Int, blockSize: Int) -> SyntheticImage {
        precondition(width > 0 && height > 0, "a crop needs pixels")
        let layout = TissueLayout(crop: imageSeed(index, purpose: 0), width: width, height: height)
        return render(layout, width: width, height: height, blockSize: blockSize)
    }

    private func imageSeed(_ index: Int, purpose: UInt64) -> UInt64 {
        SplitMix64.derive(slideSeed, [purpose, UInt64(bitPattern: Int64(index))])
    }

    private func render(_ layout: TissueLayout, width: Int, height: Int, blockSize: Int) -> SyntheticImage {
        var image = SyntheticImage(width: width, height: height)
        let fibers = Fibers(layout: layout, scale: appearance.scale)
        let blur = (appearance.blur * appearance.blur + layout.haze * layout.haze).squareRoot()
        let camera = Camera(appearance: appearance, blur: blur, seed: layout.seed, width: width, height: height)
        for y in stride(from: 0, to: height, by: blockSize) {
            for x in stride(from: 0, to: width, by: blockSize) {
                let inner = PixelRegion(
                    x: x, y: y, width: min(blockSize, width - x),
                    height: min(blockSize, height - y))
                var canvas = Canvas(inner.grown(by: Plane.blurReach(blur)))
                // Vacuoles avoid nuclei beyond the block, so that both blocks at a border have the same vacuoles.
                let near = canvas.rect.grown(by: TissueLayout.nucleusReach + 2 * TissueLayout.inclusionReach)
                let nuclei = layout.nuclei(in: near, appearance: appearance, fibers: fibers)
                layout.paintTissue(on: &canvas, nuclei: nuclei, appearance: appearance, fibers: fibers)
                layout.paintVacuoles(on: &canvas, nuclei: nuclei, appearance: appearance)
                layout.paintRedCells(on: &canvas, nuclei: nuclei, appearance: appearance)
                for nucleus in nuclei { nucleus.draw(on: &canvas) }
                layout.paintSpecks(on: &canvas)
                camera.expose(canvas, inner: inner, into: &image)
                image.nucleusCount += nuclei.count { inner.contains($0.blob.x, $0.blob.y) }
            }
        }
        return image
    }
}
