import Datasets
import Tensors

/// A made-up image with known nuclei.
package struct SyntheticImage: Sendable, Equatable {
    package let width: Int
    package let height: Int
    /// RGB, interleaved, row by row.
    package internal(set) var pixels: [UInt8]
    /// One byte a pixel: 255 in a nucleus, 0 elsewhere.
    package internal(set) var truth: [UInt8]
    /// Nuclei whose center lies in the image.
    package internal(set) var nucleusCount: Int

    init(width: Int, height: Int) {
        self.width = width
        self.height = height
        pixels = [UInt8](repeating: 0, count: width * height * 3)
        truth = [UInt8](repeating: 0, count: width * height)
        nucleusCount = 0
    }
}

/// Synthetic images that imitate H&E at 20x to 40x, for demonstrations and tests. No patient, no microscope.
///
/// Made of amounts of two dyes, Beer-Lambert's law, an optical blur and sensor noise. A value stands for one slide,
/// whose images share dyes, light, sharpness and kind of nuclei. The same seed, slide and index give the same bytes,
/// in any order and on any thread. A network that does well here has not shown that it does well on tissue.
///
/// Take tiles of every kind from every slide: a network soon learns the colors of slides that show one class only.
package struct SyntheticTissue: Sendable {
    /// What to write beside the images, wherever they go.
    package static let notice = "Synthetic images that imitate H&E, with known nuclei. No patient, no microscope."
    /// Side of a tile, in pixels.
    package static let tileSize = TileSet.tileSize
    /// Side of the blocks that an image is made of, in pixels: bounds the memory of large crops.
    private static let blockSize = 512

    package let appearance: SlideAppearance
    private let slideSeed: UInt64

    package init(seed: UInt64, slide: Int) {
        slideSeed = SplitMix64.derive(seed, [UInt64(bitPattern: Int64(slide))])
        appearance = SlideAppearance(seed: slideSeed)
    }

    /// Tile `index` of its kind, 256 pixels a side.
    package func tile(_ index: Int, kind: TileKind) -> SyntheticImage {
        let size = SyntheticTissue.tileSize
        let seed = imageSeed(index, purpose: 1 + UInt64(TileKind.allCases.firstIndex(of: kind)!))
        var layout = TissueLayout(tile: kind, size: size, seed: seed, appearance: appearance)
        if kind.hasNuclei { layout.ensureNuclei(size: size, appearance: appearance) }
        return render(layout, width: size, height: size, blockSize: SyntheticTissue.blockSize)
    }

    /// Crop `index` of this slide, with packed nuclei, stroma without nuclei, fat and glass in turn.
    ///
    /// From 512 pixels a side on it holds at least one window of 256 pixels, at a multiple of 128, without a single
    /// nuclear pixel, and at least one with many. Takes 4 bytes a pixel, and about 20 MB while it is made.
    package func crop(_ index: Int, width: Int, height: Int) -> SyntheticImage {
        crop(index, width: width, height: height, blockSize: SyntheticTissue.blockSize)
    }

    /// The same crop whatever the side of its blocks, in pixels.
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
                let inner = PixelRect(
                    x: x, y: y, width: min(blockSize, width - x),
                    height: min(blockSize, height - y))
                var canvas = Canvas(inner.grown(by: Plane.blurReach(blur)))
                // Vacuoles ask for nuclei beyond the block: both blocks at a border must refuse the same ones.
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
