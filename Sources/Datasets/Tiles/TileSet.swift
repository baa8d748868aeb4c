import Foundations
import Imaging
import Synchronization
import Tensors

/// A tile of a data set.
package struct Tile: Equatable, Sendable {
    package let filename: String
    /// Nil for an unlabeled tile.
    package let label: TileLabel?
    /// The slide, patient or source image; nil where the data set does not name one.
    package let group: String?
    /// A hash of the pixels, independent of the name.
    package let fingerprint: UInt64

    package init(filename: String, label: TileLabel?, group: String?, fingerprint: UInt64) {
        self.filename = filename
        self.label = label
        self.group = group
        self.fingerprint = fingerprint
    }
}

/// The tiles of a data set folder, decoded once and kept in memory as interleaved 8-bit RGB.
///
/// The folder contains `labels.csv` (see `LabelFile`) and the tiles that the file names, 256 x 256 pixels each. Any
/// other file `tile_<id>.png` in the folder is an unlabeled tile.
package struct TileSet: Sendable {
    /// The side of a tile in pixels.
    package static let tileSize = 256
    static let tileBytes = tileSize * tileSize * 3

    package let path: FilePath
    package let tiles: [Tile]
    /// Whether any tile has a group.
    package let hasGroups: Bool
    private let pixels: TilePixels

    /// Reads a data set and decodes its tiles on `threads` threads.
    ///
    /// Throws `FileError`, or `DatasetError` with every invalid row or tile.
    package init(path: FilePath, threads: Int) throws {
        let labels = try LabelFile(path: "\(path)/labels.csv")
        let named = Set(labels.rows.map(\.filename))
        let names = Folder.names(in: path)
        // A folder that can be listed contains `labels.csv` at least.
        guard !names.isEmpty else {
            throw FileError(path, .unreadable, "expected a folder of tiles, found one that cannot be listed")
        }
        let others = names.filter { $0.hasPrefix("tile_") && $0.hasSuffix(".png") && !named.contains($0) }
        let rows =
            labels.rows + others.sorted().map { LabelFile.Row(filename: $0, label: nil, group: nil, line: 0) }
        let pixels = TilePixels(count: rows.count)
        let results = Mutex([Int: Result<UInt64, FileError>]())
        try forEachInParallel(rows.count, threads: threads) { index in
            let result = Result { () throws(FileError) in
                try pixels.decode("\(path)/\(rows[index].filename)", into: index)
            }
            results.withLock { $0[index] = result }
        }
        var tiles = [Tile]()
        var problems = [FileError]()
        for (index, row) in rows.enumerated() {
            switch results.withLock({ $0[index]! }) {
            case .success(let fingerprint):
                tiles.append(
                    Tile(filename: row.filename, label: row.label, group: row.group, fingerprint: fingerprint))
            case .failure(let error):
                problems.append(
                    row.line == 0
                        ? error : FileError(error.path, error.kind, "\(error.problem) (labels.csv:\(row.line))"))
            }
        }
        guard problems.isEmpty else { throw DatasetError(problems) }
        self.path = path
        self.tiles = tiles
        self.pixels = pixels
        hasGroups = labels.hasGroups
    }

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

    /// A hash of all tiles in order, with their labels and groups, in 16 hexadecimal digits.
    package var digest: String {
        var hash = FNV1a()
        for tile in tiles { hash.add("\(tile.fingerprint) \(tile.label?.name ?? "") \(tile.group ?? "")\n") }
        return hash.hexadecimal
    }

    /// The number of the given tiles with each label, in the order of `TileLabel.allCases`.
    package func counts(of indices: [Int]) -> [Int] {
        TileLabel.allCases.map { label in indices.count { tiles[$0].label == label } }
    }
}

extension TileSet {
    /// The positions of tiles in the bytes that `withPixels` provides.
    package func windows(of indices: [Int]) -> PixelWindows {
        PixelWindows(
            height: Self.tileSize, width: Self.tileSize, rowStride: Self.tileSize * 3,
            offsets: indices.map { Int64($0 * Self.tileBytes) })
    }

    /// Calls `body` with the pixels of all tiles. The buffer is valid during the call only.
    package func withPixels<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(pixels.memory))
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
            byteCount: indices.count * Self.tileBytes, for: "blurred tiles")
        defer { bytes.deallocate() }
        try withPixels {
            try Kernels.augment(
                bytes, $0, windows(of: indices), indices.map { _ in blur }, threads: threads, scratch: scratch)
        }
        return try body(UnsafeRawBufferPointer(bytes), copies)
    }

    /// The mean and standard deviation of each channel over some tiles, on the 0-255 scale.
    ///
    /// A standard deviation below 1 becomes 1, so that tiles of a single color can be normalized.
    package func channelStatistics(of indices: [Int]) throws -> ChannelStatistics {
        let histograms = try withPixels { try Kernels.channelHistograms($0, windows(of: indices)) }
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

/// The memory of all tiles. Sendable because each thread writes its own tiles only, before any tile is read.
private final class TilePixels: @unchecked Sendable {
    let memory: UnsafeMutableRawBufferPointer

    init(count: Int) {
        memory = .allocate(byteCount: count * TileSet.tileBytes, for: "\(count) tiles")
    }

    deinit { memory.deallocate() }

    /// Decodes a tile into its place. Returns its fingerprint.
    func decode(_ path: FilePath, into index: Int) throws(FileError) -> UInt64 {
        let image = try openImage(path)
        guard image.width == TileSet.tileSize, image.height == TileSet.tileSize else {
            throw FileError(
                path, expected: "\(TileSet.tileSize) x \(TileSet.tileSize) pixels",
                found: "\(image.width) x \(image.height)")
        }
        let place = UnsafeMutableRawBufferPointer(
            rebasing: memory[index * TileSet.tileBytes..<(index + 1) * TileSet.tileBytes])
        try image.readRows(into: place, count: image.height)
        return place.bindMemory(to: UInt64.self).reduce(UInt64(0)) { hash, word in
            // The finalizer of MurmurHash3 (Appleby): every bit of a word affects every bit of the hash.
            var z = (hash ^ word) &* 0xFF51_AFD7_ED55_8CCD
            z ^= z >> 33
            return z &* 0xC4CE_B9FE_1A85_EC53 ^ (z >> 29)
        }
    }
}
