import Imaging

/// Finds the nuclei of the blocks of an image in probabilities of pixels.
///
/// An extractor keeps its memory from block to block and belongs to one thread at a time. Results depend on the pixels of
/// a block only.
package final class NucleusExtractor {
    package let settings: NucleusSettings
    package let grid: NucleusGrid
    private let micronsPerPixel: (x: Double, y: Double)
    private let tissue: TissueMap?
    private let labels = NucleusLabels()
    private let outliner: NucleusOutliner

    /// `micronsPerPixel` is that of the full resolution. Nuclei whose center is outside `tissue`, the processed area, are
    /// left out; nil processes all of the image.
    package init(
        _ settings: NucleusSettings, _ grid: NucleusGrid, micronsPerPixel: (x: Double, y: Double),
        tissue: TissueMap? = nil
    ) {
        precondition(micronsPerPixel.x > 0 && micronsPerPixel.y > 0)
        (self.settings, self.grid, self.micronsPerPixel, self.tissue) = (settings, grid, micronsPerPixel, tissue)
        outliner = NucleusOutliner(
            grid, foreground: settings.foreground, leastHematoxylin: settings.leastHematoxylin ?? -.infinity)
    }

    /// The nuclei that belong to a block, and the number of objects with too little hematoxylin for a nucleus.
    ///
    /// `field` covers its region, core and margin, or the part of it around all tissue; what it has beyond the image does
    /// not count. There are no nuclei in the excluded parts, which are in pixels at the resolution of the model.
    package func nuclei(
        of block: Int, in field: NucleusField, excluding: [PixelRegion] = []
    ) -> (nuclei: [Nucleus], pale: Int) {
        let (region, core) = (field.region, grid.core(of: block))
        precondition(grid.region(of: block).intersection(region) == region)
        func local(_ part: PixelRegion) -> PixelRegion {
            PixelRegion(x: part.x - region.x, y: part.y - region.y, width: part.width, height: part.height)
        }
        let visible = region.intersection(grid.bounds)
        let valid = local(visible)
        let scale = grid.laidMicrons(micronsPerPixel)
        func pixels(_ squareMicrons: Double) -> Int {
            Int(min(max((squareMicrons / (scale.x * scale.y)).rounded(), 1), 1e9))
        }
        labels.label(
            field, valid: valid, excluding: excluding.map(local), settings,
            smallestSeed: pixels(settings.smallestSeed),
            reach: Int(min(settings.reach / (scale.x * scale.y).squareRoot(), 255)))
        let objects = NucleusObjects(
            labels, smallest: pixels(settings.smallest), largest: pixels(settings.largest),
            joining: settings.joining.map {
                NucleusJoining($0, largest: pixels($0.largest), longest: (grid.margin - 2) / 2)
            })
        let (left, top) = (visible.x > 0 ? valid.x : -1, visible.y > 0 ? valid.y : -1)
        let right = visible.right < grid.bounds.width ? valid.right - 1 : Int.max
        let bottom = visible.bottom < grid.bounds.height ? valid.bottom - 1 : Int.max
        let found = objects.anchored(in: local(core), margin: grid.margin) {
            $0.left <= left || $0.top <= top || $0.right >= right || $0.bottom >= bottom
        }
        var (nuclei, pale) = ([Nucleus](), 0)
        for label in found {
            switch outliner.outline(label, objects, labels, field, micronsPerPixel: micronsPerPixel) {
            case .nucleus(let nucleus): nuclei.append(nucleus)
            case .pale: pale += 1
            case .nothing: break
            }
        }
        return (tissue.map { $0.processed(nuclei) } ?? nuclei, pale)
    }
}

extension TissueMap {
    /// The nuclei whose center is in the processed area, in their order.
    fileprivate func processed(_ nuclei: [Nucleus]) -> [Nucleus] {
        var rows = ProcessedRows(self, width: imageWidth, height: imageHeight)
        var (columns, end) = ([Range<Int>](), 0)
        var isProcessed = [Bool](repeating: false, count: nuclei.count)
        for index in nuclei.indices.sorted(by: { nuclei[$0].center.y < nuclei[$1].center.y }) {
            let center = nuclei[index].center
            if center.y >= end { (columns, end) = rows.columns(ofRow: center.y) }
            isProcessed[index] = columns.contains { $0.contains(center.x) }
        }
        return nuclei.indices.filter { isProcessed[$0] }.map { nuclei[$0] }
    }
}
