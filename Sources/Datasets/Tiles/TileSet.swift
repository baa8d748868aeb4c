import Foundations
import Foundation
import Imaging
import Synchronization
import Tensors

/// One tile of a data set.
package struct Tile: Equatable, Sendable {
    package let filename: String
    /// nil: unlabeled.
    package let label: TileLabel?
    /// Slide, patient or source image; nil when the data set does not say.
    package let group: String?
    /// A hash of the pixels: equal for equal pixels under any name.
    package let fingerprint: UInt64

    package init(filename: String, label: TileLabel?, group: String?, fingerprint: UInt64) {
        self.filename = filename
        self.label = label
        self.group = group
        self.fingerprint = fingerprint
    }
}

/// The tiles of a data set folder, decoded once and kept as bytes.
///
/// The folder holds `labels.csv` (see `LabelFile`) and the tiles it names, 256 x 256 pixels each. A `tile_<id>.png`
/// that the file does not name is unlabeled.
package struct TileSet: Sendable {
    package static let tileSize = 256
    static let tileBytes = tileSize * tileSize * 3

    package let path: FilePath
    package let tiles: [Tile]
    package let hasGroups: Bool
    private let pixels: TilePixels

    /// Reads a data set, decoding on `threads` threads.
    /// Throws `FileError` or `DatasetError`, which lists every tile that cannot be used.
    package init(path: FilePath, threads: Int) throws {
        let labels = try LabelFile(path: "\(path)/labels.csv")
        let named = Set(labels.rows.map(\.filename))
        guard let names = try? FileManager.default.contentsOfDirectory(atPath: path.string) else {
            throw FileError(path, .unreadable, "expected a folder of tiles, found one that cannot be listed")
        }
        let others = names.filter { $0.hasPrefix("tile_") && $0.hasSuffix(".png") && !named.contains($0) }
        let rows =
            labels.rows + others.sorted().map { LabelFile.Row(filename: $0, label: nil, group: nil, line: 0) }
        let pixels = TilePixels(count: rows.count)
        let results = Mutex([Int: Result<UInt64, FileError>]())
        DispatchQueue.concurrentPerform(iterations: threads) { thread in
            for index in stride(from: thread, to: rows.count, by: threads) {
                let result = Result { () throws(FileError) in
                    try pixels.decode("\(path)/\(rows[index].filename)", into: index)
                }
                results.withLock { $0[index] = result }
            }
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

    /// Indices of the tiles that have a label.
    package var labeled: [Int] { tiles.indices.filter { tiles[$0].label != nil } }
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

    /// A hash of all tiles in their order, with labels and groups: 16 hexadecimal digits (FNV-1a).
    package var digest: String {
        let text = tiles.map { "\($0.fingerprint) \($0.label?.name ?? "") \($0.group ?? "")\n" }.joined()
        let hash = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 }
        let digits = String(hash, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }

    /// How many of some tiles have each label, in the order of `TileLabel.allCases`.
    package func counts(of indices: [Int]) -> [Int] {
        TileLabel.allCases.map { label in indices.count { tiles[$0].label == label } }
    }

    /// Where some tiles lie in the memory that `withPixels` lends.
    package func windows(of indices: [Int]) -> PixelWindows {
        PixelWindows(
            height: Self.tileSize, width: Self.tileSize, rowStride: Self.tileSize * 3,
            offsets: indices.map { Int64($0 * Self.tileBytes) })
    }

    package func withPixels<R>(_ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        try body(UnsafeRawBufferPointer(pixels.memory))
    }

    /// Mean and standard deviation of each channel over some tiles, on the 0-255 scale, from exact sums.
    package func channelStatistics(of indices: [Int]) throws -> ChannelStatistics {
        let histograms = try withPixels { try Kernels.channelHistograms($0, windows(of: indices)) }
        var (means, deviations) = ([Float](), [Float]())
        for channel in 0..<3 {
            let counts = histograms[channel * 256..<(channel + 1) * 256]
            let count = Double(counts.reduce(0, +))
            let sum = Double(zip(0..., counts).reduce(UInt64(0)) { $0 + $1.0 * $1.1 })
            let mean = sum / count
            let variance = zip(0..., counts).reduce(0.0) { $0 + pow(Double($1.0) - mean, 2) * Double($1.1) } / count
            means.append(Float(mean))
            // Tiles of one single color have no spread to divide by.
            deviations.append(Float(max(variance.squareRoot(), 1)))
        }
        return ChannelStatistics(mean: means, deviation: deviations)
    }
}

/// The memory of all tiles. Sendable, because threads write to tiles of their own only, before anybody reads.
private final class TilePixels: @unchecked Sendable {
    let memory: UnsafeMutableRawBufferPointer

    init(count: Int) {
        memory = .allocate(byteCount: max(1, count * TileSet.tileBytes), alignment: 64)
    }

    deinit { memory.deallocate() }

    /// Decodes a tile into its place; returns its fingerprint.
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
            // The finalizer of MurmurHash3 (Appleby): every bit of a word reaches every bit of the hash.
            var z = (hash ^ word) &* 0xFF51_AFD7_ED55_8CCD
            z ^= z >> 33
            return z &* 0xC4CE_B9FE_1A85_EC53 ^ (z >> 29)
        }
    }
}
