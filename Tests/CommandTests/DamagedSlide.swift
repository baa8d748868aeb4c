import Foundation
import Testing

/// A little-endian TIFF file whose parts can be damaged individually (TIFF 6.0).
struct DamagedSlide {
    /// Tags of a directory.
    enum Tag: Int {
        case width = 256
        case height = 257
        case bitsPerSample = 258
        case compression = 259
        case photometric = 262
        case description = 270
        case samplesPerPixel = 277
        case tileWidth = 322
        case tileHeight = 323
        case tileOffsets = 324
        case tileByteCounts = 325
        case jpegTables = 347
    }

    private(set) var bytes: [UInt8]
    /// Offsets of the directories, and their numbers of entries.
    private let directories: [(place: Int, entries: Int)]

    init(_ path: String) throws {
        bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: path)))
        try #require(bytes.starts(with: [0x49, 0x49, 42, 0]), "a little-endian TIFF header")
        var found = [(place: Int, entries: Int)]()
        var place = Self.number(bytes, 4, 4)
        while place != 0 {
            let entries = Self.number(bytes, place, 2)
            found.append((place, entries))
            place = Self.number(bytes, place + 2 + 12 * entries, 4)
        }
        directories = found
    }

    private static func number(_ bytes: [UInt8], _ place: Int, _ count: Int) -> Int {
        (0..<count).reduce(0) { $0 | Int(bytes[place + $1]) << (8 * $1) }
    }

    private mutating func set(_ place: Int, _ count: Int, _ value: Int) {
        for index in 0..<count { bytes[place + index] = UInt8(truncatingIfNeeded: value >> (8 * index)) }
    }

    /// The twelve bytes of a tag of the first directory.
    private func entry(_ tag: Tag) -> Int {
        let (place, entries) = directories[0]
        let all = (0..<entries).map { place + 2 + 12 * $0 }
        return all.first { Self.number(bytes, $0, 2) == tag.rawValue }!
    }

    /// Offset of the values of a tag of the first directory, and the length of each.
    private func values(_ tag: Tag) -> (place: Int, size: Int, count: Int) {
        let entry = entry(tag)
        let size = [1: 1, 2: 1, 3: 2, 4: 4, 7: 1][Self.number(bytes, entry + 2, 2)]!
        let count = Self.number(bytes, entry + 4, 4)
        return (size * count <= 4 ? entry + 8 : Self.number(bytes, entry + 8, 4), size, count)
    }

    /// The bytes of a tile of the first directory.
    func tile(_ index: Int) -> Range<Int> {
        func value(_ tag: Tag) -> Int {
            let found = values(tag)
            return Self.number(bytes, found.place + index * found.size, found.size)
        }
        return value(.tileOffsets)..<value(.tileOffsets) + value(.tileByteCounts)
    }

    var tileCount: Int { values(.tileOffsets).count }

    mutating func set(_ tag: Tag, _ value: Int, at index: Int = 0) {
        let found = values(tag)
        set(found.place + index * found.size, found.size, value)
    }

    /// Sets a value, which may need more bytes than the old one.
    mutating func setLong(_ tag: Tag, _ value: Int) {
        let entry = entry(tag)
        set(entry + 2, 2, 4)
        set(entry + 4, 4, 1)
        set(entry + 8, 4, value)
    }

    /// Sets the number of values that a tag states.
    mutating func setCount(_ tag: Tag, _ count: Int) { set(entry(tag) + 4, 4, count) }

    /// Replaces a tag by an unknown one.
    mutating func remove(_ tag: Tag) { set(entry(tag), 2, 65000) }

    mutating func zero(_ range: Range<Int>) { for place in range { bytes[place] = 0 } }

    mutating func zeroTables() {
        let found = values(.jpegTables)
        zero(found.place..<found.place + found.count)
    }

    mutating func flip(_ place: Int, bit: Int) { bytes[place] ^= 1 << bit }

    mutating func truncate(to count: Int) { bytes.removeSubrange(count...) }

    mutating func setFirstDirectory(_ place: Int) { set(4, 4, place) }

    var firstDirectory: Int { directories[0].place }

    /// Offset of the next directory.
    mutating func setNext(after directory: Int, _ place: Int) {
        let (start, entries) = directories[directory]
        set(start + 2 + 12 * entries, 4, place)
    }

    var directoryCount: Int { directories.count }

    mutating func setEntries(ofFirst count: Int) { set(directories[0].place, 2, count) }
}
