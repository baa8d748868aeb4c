import Imaging
import NeuralNetworks

/// The division of an image into blocks whose nuclei are found independently.
///
/// Blocks are squares on a fixed grid at the resolution of the model, each with a margin of pixels around it. They are
/// ordered by row, then from left to right. A nucleus belongs to the block whose core contains its anchor, the centroid of
/// its pixels. It is seen whole there, because nuclei are smaller than the margin: neighbors that see it too find the
/// same anchor and leave it out. So nuclei do not depend on the order of blocks.
package struct NucleusGrid: Equatable, Sendable {
    /// Side of the core of a block, and the margin around it, in pixels at the resolution of the model.
    package static let core = 1024
    package static let margin = 64

    /// Pixels at full resolution per pixel at the resolution of the model, along both axes.
    package let columnScale: WindowAxis.Scale
    package let rowScale: WindowAxis.Scale
    package let core: Int
    package let margin: Int

    /// An image of `image` pixels at full resolution and `laid` pixels at the resolution of the model.
    package init(
        image: (width: Int, height: Int), laid: (width: Int, height: Int), core: Int = Self.core,
        margin: Int = Self.margin
    ) {
        precondition(core >= 1 && margin >= 1)
        columnScale = WindowAxis.Scale(image: image.width, laid: laid.width)
        rowScale = WindowAxis.Scale(image: image.height, laid: laid.height)
        (self.core, self.margin) = (core, margin)
    }

    /// The pixels at the resolution of the model.
    package var bounds: PixelRegion { PixelRegion(x: 0, y: 0, width: columnScale.laid, height: rowScale.laid) }
    /// Size of the image in pixels at full resolution.
    package var width: Int { columnScale.image }
    package var height: Int { rowScale.image }

    package var columns: Int { (columnScale.laid - 1) / core + 1 }
    package var rows: Int { (rowScale.laid - 1) / core + 1 }
    package var count: Int { columns * rows }

    /// The core of a block, in pixels at the resolution of the model. The last ones end with the image.
    package func core(of block: Int) -> PixelRegion {
        let (row, column) = block.quotientAndRemainder(dividingBy: columns)
        return PixelRegion(x: column * core, y: row * core, width: core, height: core).intersection(bounds)
    }

    /// The core of a block and the margin on each side, which may extend beyond the image. To the right and the bottom the
    /// margin is up to 7 pixels wider, so that networks can halve the sides three times.
    package func region(of block: Int) -> PixelRegion { region(of: block, around: core(of: block)) }

    /// The part of a block's region with the margin around a part of its core. Its corner is a multiple of
    /// `PixelPredictor.alignment` from that of the region, so that a network has equal results.
    package func region(of block: Int, around part: PixelRegion) -> PixelRegion {
        let core = core(of: block)
        func start(_ part: Int, _ core: Int) -> Int {
            core - margin + (part - core) / PixelPredictor.alignment * PixelPredictor.alignment
        }
        let (x, y) = (start(part.x, core.x), start(part.y, core.y))
        return PixelRegion(
            x: x, y: y, width: (part.right + margin - x + 7) / 8 * 8, height: (part.bottom + margin - y + 7) / 8 * 8)
    }

    /// Pixels at full resolution under a rectangle at the resolution of the model. Rectangles that share an edge do so at
    /// full resolution too.
    package func imageRegion(_ region: PixelRegion) -> PixelRegion {
        let region = region.intersection(bounds)
        let (x, y) = (columnScale.imageEdge(region.x), rowScale.imageEdge(region.y))
        return PixelRegion(
            x: x, y: y, width: columnScale.imageEdge(region.right) - x, height: rowScale.imageEdge(region.bottom) - y)
    }

    /// The first row at full resolution that nuclei of a row of blocks may have. Those of all rows above are complete when
    /// the blocks above this row are.
    func firstImageRow(ofBlockRow row: Int) -> Int {
        if row >= rows { return height }
        // A pixel more, because outlines are interpolated.
        return rowScale.imageEdge(max(0, row * core - margin - 1))
    }

    /// Microns per pixel at the resolution of the model, for those at full resolution.
    func laidMicrons(_ image: (x: Double, y: Double)) -> (x: Double, y: Double) {
        (
            image.x * Double(columnScale.image) / Double(columnScale.laid),
            image.y * Double(rowScale.image) / Double(rowScale.laid)
        )
    }
}
