import Foundations

/// A check of the directories of a TIFF or BigTIFF file for sizes of tiles that no program can allocate.
///
/// OpenSlide asks GLib for as many bytes as a directory states, and GLib ends the process where there are not as many.
/// The check refuses nothing else: other damage is left to OpenSlide, which reports it, or loses a tile and no more.
package struct TIFFDirectoryCheck {
    /// Bytes of a tile that memory can hold, and pixels of a decoded one.
    private static let largestTile: UInt64 = 0x7FFF_FFFF
    private static let largestArea: UInt64 = 1 << 26
    private static let mostDirectories = 1000

    private enum Tag {
        static let (tileWidth, tileHeight): (UInt64, UInt64) = (322, 323)
        static let (stripByteCounts, tileByteCounts): (UInt64, UInt64) = (279, 325)
        /// Marks the directories of NDPI files, which have 64-bit offsets in 32-bit fields, and strips only.
        static let ndpi: UInt64 = 65420
    }

    private let path: FilePath
    private let file: FileDescriptor
    private let size: UInt64
    private let isBig: Bool
    private let isLittleEndian: Bool

    /// Checks an open file. Does nothing with other files than TIFF. Returns the offset of a directory that is not within
    /// the file; nil if all are. Throws `malformed`.
    @discardableResult package static func check(
        _ path: FilePath, _ file: FileDescriptor
    ) throws(FileError) -> UInt64? {
        try FileError.reading(path) {
            let size = try file.stat().size
            var header = [UInt8](repeating: 0, count: 16)
            let count = try header.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: 0, into: $0) }
            let isLittleEndian = header.starts(with: [0x49, 0x49])
            guard count == 16, isLittleEndian || header.starts(with: [0x4D, 0x4D]) else {
                return nil
            }
            let version = isLittleEndian ? header[2] : header[3]
            guard version == 42 || version == 43 else { return nil }
            let check = TIFFDirectoryCheck(
                path: path, file: file, size: UInt64(max(0, size)), isBig: version == 43,
                isLittleEndian: isLittleEndian)
            return try check.checkDirectories(from: check.number(header, check.isBig ? 8 : 4, check.isBig ? 8 : 4))
        }
    }

    /// Follows the chain of directories to its end, or to the first offset that is none, which it returns.
    private func checkDirectories(from first: UInt64) throws -> UInt64? {
        var (offset, seen) = (first, Set<UInt64>())
        while offset != 0, seen.count < Self.mostDirectories, seen.insert(offset).inserted {
            let lengthBytes = isBig ? 8 : 2
            guard let length = try read(at: offset, lengthBytes) else { return offset }
            let (entries, entryBytes) = (number(length, 0, lengthBytes), isBig ? 20 : 12)
            let start = offset + UInt64(lengthBytes)
            guard entries <= 4096 else { return nil }
            let end = Int(entries) * entryBytes
            guard let bytes = try read(at: start, end) else { return offset }
            let all = stride(from: 0, to: end, by: entryBytes).map { entry(bytes, $0) }
            let isNDPI = all.contains { $0.tag == Tag.ndpi }
            if !isNDPI { try checkTiles(all, directory: seen.count - 1) }
            let linkBytes = isBig || isNDPI ? 8 : 4
            guard let link = try read(at: start + UInt64(end), linkBytes) else { return offset }
            offset = number(link, 0, linkBytes)
        }
        return nil
    }

    private struct Entry {
        let tag: UInt64
        /// Bytes of a value; nil for types that are not unsigned whole numbers.
        let width: Int?
        let count: UInt64
        /// The field that has the values, or their offset.
        let field: [UInt8]
    }

    private func entry(_ bytes: [UInt8], _ start: Int) -> Entry {
        let (count, field) = isBig ? (8, 12) : (4, 8)
        let widths: [UInt64: Int] = [3: 2, 4: 4, 13: 4, 16: 8, 18: 8]
        return Entry(
            tag: number(bytes, start, 2), width: widths[number(bytes, start + 2, 2)],
            count: number(bytes, start + 4, count), field: Array(bytes[start + field..<start + field + count]))
    }

    private func checkTiles(_ entries: [Entry], directory: Int) throws {
        func side(_ tag: UInt64) -> UInt64 {
            guard let entry = entries.first(where: { $0.tag == tag }), entry.count == 1, let width = entry.width,
                width <= entry.field.count
            else { return 0 }
            return number(entry.field, 0, width)
        }
        let (width, height) = (side(Tag.tileWidth), side(Tag.tileHeight))
        let (area, isTooLarge) = width.multipliedReportingOverflow(by: height)
        guard !isTooLarge, area <= Self.largestArea else {
            throw FileError(
                path, expected: "tiles of at most \(Self.largestArea) px",
                found: "\(width) x \(height) px in TIFF directory \(directory)")
        }
        for entry in entries where entry.tag == Tag.tileByteCounts || entry.tag == Tag.stripByteCounts {
            try checkByteCounts(entry, directory: directory)
        }
    }

    /// Reads the numbers of bytes in pieces, because there are as many as tiles.
    private func checkByteCounts(_ entry: Entry, directory: Int) throws {
        guard let width = entry.width, width >= 4 else { return }
        let piece: UInt64 = 1 << 17
        let isInline = entry.count <= UInt64(entry.field.count / width)
        let start = number(entry.field, 0, entry.field.count)
        for first in stride(from: 0, to: min(entry.count, size), by: Int(piece)) {
            let values = Int(min(piece, entry.count - first))
            let place = start &+ first &* UInt64(width)
            guard let bytes = isInline ? entry.field : try read(at: place, values * width) else { return }
            for index in 0..<values {
                let found = number(bytes, index * width, width)
                if found > Self.largestTile, found > size {
                    throw FileError(
                        path, expected: "tiles within the \(size) bytes of the file",
                        found: "\(found) bytes in tile \(first + UInt64(index)) of TIFF directory \(directory)")
                }
            }
        }
    }

    /// Bytes of the file; nil where it does not have as many.
    private func read(at offset: UInt64, _ count: Int) throws -> [UInt8]? {
        guard offset <= size, UInt64(count) <= size - offset else { return nil }
        var bytes = [UInt8](repeating: 0, count: count)
        let found = try bytes.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: Int64(offset), into: $0) }
        return found == count ? bytes : nil
    }

    private func number(_ bytes: [UInt8], _ start: Int, _ width: Int) -> UInt64 {
        (0..<width).reduce(0) { $0 << 8 | UInt64(bytes[start + (isLittleEndian ? width - 1 - $1 : $1)]) }
    }
}
