import Foundations
import Tensors

/// A tile of a data set.
package struct Tile: Equatable, Sendable {
    /// The path of the file in the folder of the data set; with "@x,y" where the file has several tiles, the position of
    /// the tile in pixels at the resolution of the set.
    package let filename: String
    /// Nil for an unlabeled tile.
    package let label: TileLabel?
    /// The slide, patient or source image. Nil where the data set does not name one; tiles of one file have its name then.
    package let group: String?
    /// A hash of the pixels, independent of the name.
    package let fingerprint: UInt64
    /// A hash that copies in other encodings share approximately. Nil for a tile without structure.
    package let appearance: PerceptualHash?
    /// Whether the file has several tiles.
    package let isPart: Bool
    /// Microns per pixel of the file; nil where unknown.
    package let micronsPerPixel: Double?
    /// How often training draws the tile in an epoch, on average.
    package let weight: Double
    /// The nuclei of the tile; nil where it has no outlines.
    package let outlines: TileOutlines?

    package init(
        filename: String, label: TileLabel?, group: String?, fingerprint: UInt64, appearance: PerceptualHash? = nil,
        isPart: Bool = false, micronsPerPixel: Double? = nil, weight: Double = 1, outlines: TileOutlines? = nil
    ) {
        self.filename = filename
        self.label = label
        self.group = group
        self.fingerprint = fingerprint
        self.appearance = appearance
        self.isPart = isPart
        self.micronsPerPixel = micronsPerPixel
        self.weight = weight
        self.outlines = outlines
    }

    /// The group that the data set names; nil where the group is only the file that has the tile.
    package var statedGroup: String? {
        group.flatMap { isPart && filename.hasPrefix("\($0)@") ? nil : $0 }
    }

    /// Whether the outlines of nuclei are known, and there are any.
    package var hasOutlinedNuclei: Bool { outlines != nil && label == .nuclei }

    /// Knowledge about the pixels.
    package var truth: PixelTruth {
        if outlines != nil { return .classes }
        return label.map(PixelTruth.init) ?? .none
    }
}

extension PixelTruth {
    /// Knowledge about pixels from the label of a tile: all are background, or there is a nucleus.
    package init(_ label: TileLabel) { self = label == .noNucleus ? .absent : .any }
}

/// The tiles of a data set folder, decoded once and kept in memory as interleaved 8-bit RGB.
///
/// The folder contains `labels.csv` (see `LabelFile`) and the images that the file names. Any other file `tile_<id>.png` in
/// the folder is unlabeled. Without `labels.csv`, the folder contains a folder of images for each class (see `TileList`).
///
/// An image is brought to the resolution of the target where both are known, and cut into tiles of its size (see
/// `ImageLayout`). Without outlines, tiles of a cut image have the label of an image without nuclei; in an image with
/// nuclei, only the tile with the densest hematoxylin has its label, and the others are unlabeled. Tiles with outlines are
/// labeled by these (see `TileOutlines`), except that the label of an image of one tile remains.
package struct TileSet: Sendable {
    /// The side of a tile in pixels, unless another target is asked for.
    package static let tileSize = TileTarget.usualSide

    package let path: FilePath
    package let target: TileTarget
    package let tiles: [Tile]
    /// Whether the data set names any group.
    package let hasGroups: Bool
    private let memory: TilePixels
    /// The number of the class map of each tile; nil for a tile without outlines.
    private let mapNumbers: [Int?]

    /// The files that were read: the images, their masks, and `labels.csv`.
    private let inputs: [FilePath]

    /// Reads a data set and decodes its images on `threads` threads. `afterEach` receives the number of decoded images and
    /// of all images, from one thread at a time, and may throw to cancel.
    ///
    /// Throws `FileError`, `DatasetError` with every invalid row or image, or `MemoryError`.
    package init(
        path: FilePath, target: TileTarget = TileTarget(), threads: Int,
        afterEach: @Sendable (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
    ) throws {
        let list = try TileList(folder: path)
        let content = try TileContent(list, target, path: path, threads: threads, afterEach: afterEach)
        self.path = path
        self.target = target
        (tiles, memory, mapNumbers) = (content.tiles, content.memory, content.mapNumbers)
        inputs = list.images.flatMap(\.files) + [list.labels].compactMap { $0 }
        hasGroups = list.images.contains { $0.row.group != nil }
    }

    /// The side of a tile in pixels.
    package var side: Int { target.side }
    var tileBytes: Int { target.tileBytes }

    /// Throws `unwritable` where a file to write is a tile or `labels.csv`, under any name.
    package func requireNoInput(_ output: FilePath) throws(FileError) { try output.requireDistinct(from: inputs) }

    /// Indices of the labeled tiles.
    package var labeled: [Int] { tiles.indices.filter { tiles[$0].label != nil } }
    /// Indices of the unlabeled tiles.
    package var unlabeled: [Int] { tiles.indices.filter { tiles[$0].label == nil } }

    /// Pairs of tiles with the same pixels and different labels.
    package var contradictions: [(Int, Int)] {
        var first = [UInt64: Int]()
        return labeled.compactMap { index in
            guard let earlier = first[tiles[index].fingerprint] else {
                first[tiles[index].fingerprint] = index
                return nil
            }
            return tiles[earlier].label == tiles[index].label ? nil : (earlier, index)
        }
    }

    /// A hash of all tiles in order, with their labels, groups, resolutions and class maps, in 16 hexadecimal digits.
    package var digest: String {
        var hash = FNV1a()
        for tile in tiles {
            let resolution = tile.micronsPerPixel.map { " mpp \($0)" } ?? ""
            let weight = tile.weight == 1 ? "" : " weight \(tile.weight)"
            let map = tile.outlines.map { " map \($0.fingerprint)" } ?? ""
            hash.add("\(tile.fingerprint) \(tile.label?.name ?? "") \(tile.group ?? "")\(resolution)\(weight)\(map)\n")
        }
        return hash.hexadecimal
    }

    /// The number of the given tiles with each label, in the order of `TileLabel.allCases`.
    package func counts(of indices: [Int]) -> [Int] {
        TileLabel.allCases.map { label in indices.count { tiles[$0].label == label } }
    }
}

extension TileSet {
    /// Whether `labels.csv` in a folder names masks. False for a file that is not valid, which is an error elsewhere.
    package static func hasOutlines(_ folder: FilePath) -> Bool {
        (try? LabelFile(path: folder.appending("labels.csv")))?.rows.contains { $0.mask != nil } ?? false
    }

    /// The class of each pixel of a tile with outlines, see `PixelClass`: `side` rows of `side` bytes. Nil for other tiles.
    /// Valid while the set lives.
    package func classMap(of index: Int) -> UnsafeRawBufferPointer? {
        mapNumbers[index].map { UnsafeRawBufferPointer(memory.map($0)) }
    }

    /// The positions of tiles in the bytes that `withPixels` provides.
    package func windows(of indices: [Int]) -> PixelWindows {
        PixelWindows(
            height: side, width: side, rowStride: side * 3, offsets: indices.map { Int64($0 * tileBytes) })
    }

    /// Calls `body` with the pixels of all tiles. The buffer is valid during the call only.
    package func withPixels<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(memory.pixels))
    }

    /// Calls `body` with the pixels of one tile. The buffer is valid during the call only.
    package func withPixels<R>(of index: Int, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(memory.tile(index)))
    }

    /// Calls `body` with the pixels of some tiles after a Gaussian blur of `sigma` pixels, and with their positions.
    /// A sigma of 0 leaves the pixels unchanged. The buffer is valid during the call only.
    package func withPixels<R>(
        of indices: [Int], blurredBy sigma: Double, _ body: (UnsafeRawBufferPointer, PixelWindows) throws -> R
    ) throws -> R {
        guard sigma > 0 else { return try withPixels { try body($0, windows(of: indices)) } }
        var blur = TileAugmentation()
        blur.blur = Float(sigma)
        let copies = windows(of: Array(indices.indices))
        let threads = Kernels.threadCount
        let scratch = Tensor([Kernels.augmentationScratchCount(copies, threads: threads)])
        let bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: indices.count * tileBytes, for: "blurred tiles")
        defer { bytes.deallocate() }
        try withPixels {
            var blurred = bytes.mutableBytes
            try Kernels.augment(
                &blurred, $0.bytes, windows(of: indices), indices.map { _ in blur }, threads: threads, scratch: scratch)
        }
        return try body(UnsafeRawBufferPointer(bytes), copies)
    }

    /// The mean and standard deviation of each channel over some tiles, on the 0-255 scale.
    ///
    /// A standard deviation below 1 becomes 1, so that tiles of a single color can be normalized.
    package func channelStatistics(of indices: [Int]) throws -> ChannelStatistics {
        let histograms = try withPixels { try Kernels.channelHistograms($0.bytes, windows(of: indices)) }
        let moments = (0..<3).map { ByteMoments(ofHistogram: histograms[$0 * 256..<($0 + 1) * 256]) }
        return ChannelStatistics(
            mean: moments.map { Float($0.mean) }, deviation: moments.map { Float(max($0.deviation, 1)) })
    }
}

/// The mean and standard deviation of 8-bit values.
struct ByteMoments {
    let mean: Double
    let deviation: Double

    /// `histogram` has the count of each value, from 0.
    init(ofHistogram histogram: some Collection<some BinaryInteger>) {
        let count = histogram.reduce(0.0) { $0 + Double($1) }
        let mean = zip(0..., histogram).reduce(0.0) { $0 + Double($1.0) * Double($1.1) } / count
        let squares = zip(0..., histogram).reduce(0.0) { sum, bin in
            sum + (Double(bin.0) - mean) * (Double(bin.0) - mean) * Double(bin.1)
        }
        self.mean = mean
        deviation = (squares / count).squareRoot()
    }
}
