import Datasets
import Foundation
import Foundations
import Imaging
import Synchronization
import Tensors

/// A data set folder of synthetic tiles, and synthetic crops with the truth about their nuclei.
///
/// Tiles come from `slides` slides in turn, which are their groups; crops come from further slides. The same settings
/// make the same files.
package struct SyntheticDataset: Sendable {
    package var tiles: Int
    package var unlabeled: Int
    package var crops: Int
    /// Side of a crop, in pixels.
    package var cropSize: Int
    package var seed: UInt64
    /// How many slides the tiles come from.
    package static let slides = 24
    /// Share of the tiles that show nuclei: classes are unbalanced, as real ones are.
    static let nucleiShare: Float = 0.6

    package init(tiles: Int, unlabeled: Int, crops: Int, cropSize: Int, seed: UInt64) {
        self.tiles = tiles
        self.unlabeled = unlabeled
        self.crops = crops
        self.cropSize = cropSize
        self.seed = seed
    }

    /// Writes `tile_<id>.png`, `labels.csv` (tile_id, label, group), `wsi_crop_<n>.jpg` with `wsi_crop_<n>_truth.png`,
    /// and a `README.txt` that says what they are. Throws when there is something in the folder already.
    /// `afterEach` is told how many images have been written; it may throw to stop.
    package func write(to path: FilePath, threads: Int, afterEach: @Sendable (Int) throws -> Void) throws {
        try Folder.make(path)
        try AtomicFile.write(readMe, to: "\(path)/README.txt")
        let done = Mutex(0)
        let failure = Mutex<(any Error)?>(nil)
        let (count, cropCount) = (tiles + unlabeled, crops)
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            for index in stride(from: thread, to: count + cropCount, by: threads) {
                if failure.withLock({ $0 != nil }) { return }
                do {
                    if index < count { try writeTile(index, to: path) } else { try writeCrop(index - count, to: path) }
                    try done.withLock {
                        $0 += 1
                        try afterEach($0)
                    }
                } catch {
                    failure.withLock { $0 = $0 ?? error }
                }
            }
        }
        if let error = failure.withLock({ $0 }) { throw error }
        var labels = "tile_id,label,group\n"
        for index in 0..<count {
            let label = index < tiles ? (kind(of: index).hasNuclei ? TileLabel.nuclei : .noNucleus).name : ""
            labels += "\(index),\(label),slide \(slide(of: index))\n"
        }
        try AtomicFile.write(labels, to: "\(path)/labels.csv")
    }

    private var readMe: String {
        """
        \(SyntheticTissue.notice)
        For demonstrations and tests: a network that does well on them has not shown that it does well on tissue.

        made by: nuclei-train synthesize --tiles \(tiles) --unlabeled \(unlabeled) --crops \(crops) \
        --crop-size \(cropSize) --seed \(seed)

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
    }

    private func writeCrop(_ index: Int, to path: FilePath) throws(FileError) {
        let image = SyntheticTissue(seed: seed, slide: Self.slides + index)
            .crop(index, width: cropSize, height: cropSize)
        let name = "\(path)/wsi_crop_\(index + 1)"
        try Self.write(
            image.pixels, to: JPEGWriter(path: "\(name).jpg", width: image.width, height: image.height))
        try Self.write(
            image.truth,
            to: PNGWriter(path: "\(name)_truth.png", width: image.width, height: image.height, channels: .grey))
    }

    private static func write(_ pixels: [UInt8], to writer: any RowWriter) throws(FileError) {
        let result = pixels.withUnsafeBytes { bytes in
            Result { () throws(FileError) in try writer.write(rows: bytes, count: writer.height) }
        }
        try result.get()
        try writer.finish()
    }
}
