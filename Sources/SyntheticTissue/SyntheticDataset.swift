import Datasets
import Foundations
import Imaging
import Tensors

/// A data set folder of synthetic tiles, with synthetic crops and masks of their nuclei.
///
/// Tiles come from `slides` slides in turn, which are their groups. Each crop comes from another slide. Equal settings
/// give equal files.
package struct SyntheticDataset: Sendable {
    /// The number of labeled tiles.
    package var tiles: Int
    package var unlabeled: Int
    package var crops: Int
    /// The side of a crop, in pixels.
    package var cropSize: Int
    package var seed: UInt64
    /// Whether labeled tiles have masks of their nuclei, and a resolution.
    package var hasMasks = false
    /// The resolution that tiles with masks are said to have, in microns per pixel.
    static let micronsPerPixel = 0.25
    /// The number of slides that tiles come from.
    package static let slides = 24
    /// The share of tiles with nuclei. The classes are unbalanced, as in real data sets.
    static let nucleiShare: Float = 0.6

    package init(tiles: Int, unlabeled: Int, crops: Int, cropSize: Int, seed: UInt64) {
        self.tiles = tiles
        self.unlabeled = unlabeled
        self.crops = crops
        self.cropSize = cropSize
        self.seed = seed
    }

    /// Writes `tile_<id>.png`, `labels.csv` (tile_id, label, group), `wsi_crop_<n>.jpg`, `wsi_crop_<n>_truth.png`, and a
    /// `README.txt` that describes them. With masks, there are `mask_<id>.png` and the columns mpp and mask.
    ///
    /// `afterEach` receives the number of images written so far. An error that it throws stops the work. Throws
    /// `FileError` for a folder that is not empty.
    package func write(to path: FilePath, threads: Int, afterEach: @Sendable (Int) throws -> Void) throws {
        try Folder.make(path)
        try AtomicFile.write(readMe, to: "\(path)/README.txt")
        let count = tiles + unlabeled
        try forEachInParallel(count + crops, threads: threads, afterEach: afterEach) { index in
            if index < count { try writeTile(index, to: path) } else { try writeCrop(index - count, to: path) }
        }
        var labels = "tile_id,label,group\(hasMasks ? ",mpp,mask" : "")\n"
        for index in 0..<count {
            let label = index < tiles ? (kind(of: index).hasNuclei ? TileLabel.nuclei : .noNucleus).name : ""
            let outlines = hasMasks ? ",\(Self.micronsPerPixel),\(index < tiles ? "mask_\(index).png" : "")" : ""
            labels += "\(index),\(label),slide \(slide(of: index))\(outlines)\n"
        }
        try AtomicFile.write(labels, to: "\(path)/labels.csv")
    }

    private var readMe: String {
        """
        \(SyntheticTissue.notice)
        For demonstrations and tests only. Good scores on these images do not imply good scores on tissue.

        Made by: nuclei-train synthesize --tiles \(tiles) --unlabeled \(unlabeled) --crops \(crops) \
        --crop-size \(cropSize) --seed \(seed)\(hasMasks ? " --masks" : "")

        """
    }

    private func slide(of tile: Int) -> Int { tile % Self.slides }

    private func kind(of tile: Int) -> TileKind {
        var random = SplitMix64(seed: seed, stream: 0x6B69_6E64, UInt64(tile))
        if random.unit() < Self.nucleiShare { return .nuclei }
        let others = TileKind.allCases.filter { !$0.hasNuclei }
        return others[Int(random.next() % UInt64(others.count))]
    }

    private func writeTile(_ index: Int, to path: FilePath) throws(FileError) {
        let image = SyntheticTissue(seed: seed, slide: slide(of: index)).tile(index, kind: kind(of: index))
        let writer = try PNGWriter(
            path: "\(path)/tile_\(index).png", width: image.width, height: image.height, channels: .rgb)
        try Self.write(image.pixels, to: writer)
        if hasMasks, index < tiles { try writeMask(image, to: "\(path)/mask_\(index).png") }
    }

    private func writeMask(_ image: SyntheticImage, to path: FilePath) throws(FileError) {
        try Self.write(
            image.truth, to: PNGWriter(path: path, width: image.width, height: image.height, channels: .gray))
    }

    private func writeCrop(_ index: Int, to path: FilePath) throws(FileError) {
        let image = SyntheticTissue(seed: seed, slide: Self.slides + index)
            .crop(index, width: cropSize, height: cropSize)
        let name = "\(path)/wsi_crop_\(index + 1)"
        try Self.write(
            image.pixels, to: JPEGWriter(path: "\(name).jpg", width: image.width, height: image.height))
        try writeMask(image, to: "\(name)_truth.png")
    }

    private static func write(_ pixels: [UInt8], to writer: any RowWriter) throws(FileError) {
        let result = pixels.withUnsafeBytes { bytes in
            Result { () throws(FileError) in try writer.write(rows: bytes, count: writer.height) }
        }
        try result.get()
        try writer.finish()
    }
}
