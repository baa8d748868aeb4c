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
    /// A hash that copies in other encodings share approximately. Nil for a tile without structure.
    package let appearance: PerceptualHash?

    package init(
        filename: String, label: TileLabel?, group: String?, fingerprint: UInt64, appearance: PerceptualHash? = nil
    ) {
        self.filename = filename
        self.label = label
        self.group = group
        self.fingerprint = fingerprint
        self.appearance = appearance
    }
}

/// The tiles of a data set folder, decoded once and kept in memory as interleaved 8-bit RGB.
///
/// The folder contains `labels.csv` (see `LabelFile`) and the tiles that the file names, 256 x 256 pixels each. Any
/// other file `tile_<id>.png` in the folder is an unlabeled tile. Without `labels.csv`, the folder contains a folder of
/// tiles for each class (see `TileList`).
package struct TileSet: Sendable {
    /// The side of a tile in pixels.
    package static let tileSize = 256
    static let tileBytes = tileSize * tileSize * 3

    package let path: FilePath
    package let tiles: [Tile]
    /// Whether any tile has a group.
    package let hasGroups: Bool
    private let pixels: TilePixels

    /// The files that the tiles were read from, and `labels.csv`.
    private let inputs: [FilePath]

    /// Reads a data set and decodes its tiles on `threads` threads. `afterEach` receives the number of decoded tiles and of
    /// all tiles, from one thread at a time, and may throw to cancel.
    ///
    /// Throws `FileError`, `DatasetError` with every invalid row or tile, or `MemoryError`.
    package init(
        path: FilePath, threads: Int, afterEach: @Sendable (_ done: Int, _ total: Int) throws -> Void = { _, _ in }
    ) throws {
        let list = try TileList(folder: path)
        let (rows, files) = (list.rows, list.files)
        let pixels = try TilePixels(count: rows.count, path: path)
        let results = Mutex([Result<TilePixels.Hashes, FileError>?](repeating: nil, count: rows.count))
        try forEachInParallel(rows.count, threads: threads, afterEach: { try afterEach($0, rows.count) }) { index in
            let result = Result { () throws(FileError) in try pixels.decode(files[index], into: index) }
            results.withLock { $0[index] = result }
        }
        var tiles = [Tile]()
        var problems = [FileError]()
        for (row, result) in zip(rows, results.withLock { $0 }) {
            switch result! {
            case .success(let hashes):
                tiles.append(
                    Tile(
                        filename: row.filename, label: row.label, group: row.group, fingerprint: hashes.fingerprint,
                        appearance: hashes.appearance))
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
        inputs = files + [list.labels].compactMap { $0 }
        hasGroups = tiles.contains { $0.group != nil }
    }

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

    /// Calls `body` with the pixels of one tile. The buffer is valid during the call only.
    func withPixels<R>(of index: Int, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try withPixels {
            try body(UnsafeRawBufferPointer(rebasing: $0[index * Self.tileBytes..<(index + 1) * Self.tileBytes]))
        }
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
