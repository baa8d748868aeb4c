import Foundation
import Foundations
import Testing

/// The directories of a BigTIFF file, parsed without libtiff. Sources: TIFF 6.0 and bigtiff.org for field sizes.
struct BigTIFF {
    struct Directory {
        fileprivate(set) var values: [Int: [Double]] = [:]
        fileprivate(set) var texts: [Int: String] = [:]

        func number(_ tag: Int) -> Double? { values[tag]?.first }
    }

    private(set) var directories = [Directory]()
    private let bytes: [UInt8]

    init(_ path: FilePath) throws {
        bytes = try contents(path)
        try #require(bytes.starts(with: [0x49, 0x49, 43, 0, 8, 0, 0, 0]), "a little-endian BigTIFF header")
        var offset = little(8, 8)
        while offset != 0 {
            let count = little(offset, 8)
            directories.append(directory(at: offset + 8, count))
            offset = little(offset + 8 + 20 * count, 8)
        }
    }

    private func little(_ offset: Int, _ count: Int) -> Int {
        (0..<count).reduce(0) { $0 | Int(bytes[offset + $1]) << (8 * $1) }
    }

    private func directory(at start: Int, _ count: Int) -> Directory {
        var result = Directory()
        for entry in stride(from: start, to: start + 20 * count, by: 20) {
            let (tag, type, length) = (little(entry, 2), little(entry + 2, 2), little(entry + 4, 8))
            let size = [1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1, 16: 8][type] ?? 0
            let place = size * length <= 8 ? entry + 12 : little(entry + 12, 8)
            if type == 2 {
                result.texts[tag] = String(decoding: bytes[place..<place + length - 1], as: UTF8.self)
            } else {
                result.values[tag] = (0..<length).map { index in
                    let item = place + index * size
                    return type == 5
                        ? Double(little(item, 4)) / Double(little(item + 4, 4)) : Double(little(item, size))
                }
            }
        }
        return result
    }

    /// The bytes of a tile compressed by zlib. libpng has loaded zlib already.
    func inflatedTile(_ index: Int, of directory: Directory, size: Int) throws -> [UInt8] {
        typealias Uncompress =
            @convention(c) (
                UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<UInt>?, UnsafePointer<UInt8>?, UInt
            ) -> Int32
        let uncompress = unsafeBitCast(try #require(dlsym(dlopen(nil, RTLD_NOW), "uncompress")), to: Uncompress.self)
        let start = Int(try #require(directory.values[324])[index])
        let count = Int(try #require(directory.values[325])[index])
        var (tile, tileSize) = ([UInt8](repeating: 0, count: size), UInt(size))
        let status = Array(bytes[start..<start + count]).withUnsafeBufferPointer { source in
            uncompress(&tile, &tileSize, source.baseAddress, UInt(count))
        }
        try #require(status == 0 && tileSize == size, "zlib's status \(status), \(tileSize) bytes")
        return tile
    }
}
