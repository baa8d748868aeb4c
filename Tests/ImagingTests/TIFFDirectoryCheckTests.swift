import Foundation
import Foundations
import Imaging
import Testing

/// Directories of TIFF files with sizes that nobody can allocate. The files have no pixels.
struct TIFFDirectoryCheckTests {
    /// Bytes of a file with a directory of single values, in the order of the machine that wrote it.
    private struct File {
        var isBig = false
        var isLittleEndian = true
        /// Tag, type and values.
        var entries: [(tag: Int, type: Int, values: [UInt64])] = []
        var next: UInt64 = 0

        private static let widths = [3: 2, 4: 4, 16: 8]

        private func bytes(_ value: UInt64, _ count: Int) -> [UInt8] {
            let little = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
            return isLittleEndian ? little : little.reversed()
        }

        var data: [UInt8] {
            let field = isBig ? 8 : 4
            var directory = bytes(UInt64(entries.count), isBig ? 8 : 2)
            var arrays = [UInt8]()
            let header = isBig ? 16 : 8
            let end = header + directory.count + entries.count * (4 + 2 * field) + field
            for entry in entries {
                let width = Self.widths[entry.type]!
                let values = entry.values.flatMap { bytes($0, width) }
                directory += bytes(UInt64(entry.tag), 2) + bytes(UInt64(entry.type), 2)
                directory += bytes(UInt64(entry.values.count), field)
                if values.count <= field {
                    directory += values + [UInt8](repeating: 0, count: field - values.count)
                } else {
                    directory += bytes(UInt64(end + arrays.count), field)
                    arrays += values
                }
            }
            let magic = isBig ? bytes(43, 2) + bytes(8, 2) + bytes(0, 2) + bytes(16, 8) : bytes(42, 2) + bytes(8, 4)
            return [UInt8]((isLittleEndian ? "II" : "MM").utf8) + magic + directory + bytes(next, field) + arrays
                + [0, 0, 0, 0, 0, 0, 0, 0]
        }
    }

    private func problem(_ data: [UInt8]) throws -> String? {
        let path = FilePath(NSTemporaryDirectory()).appending("directory-\(UUID().uuidString).tif")
        try Data(data).write(to: URL(fileURLWithPath: path.string))
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        let file = try FileDescriptor.open(path, .readOnly)
        defer { try? file.close() }
        do throws(FileError) {
            try TIFFDirectoryCheck.check(path, file)
            return nil
        } catch {
            #expect(error.kind == .malformed)
            return error.problem
        }
    }

    @Test(arguments: [false, true]) func impossibleByteCounts(isLittleEndian: Bool) throws {
        for (count, isRefused) in [(1 << 62, true), (1 << 40, true), (1 << 31, true), (0x7FFF_FFFF, false), (4, false)]
        {
            var file = File(isBig: true, isLittleEndian: isLittleEndian)
            file.entries = [(325, 16, [4, 4, UInt64(count), 4])]
            let size = file.data.count
            let expected = "expected tiles within the \(size) bytes of the file, found \(count) bytes in tile 2 of "
            #expect(try problem(file.data) == (isRefused ? expected + "TIFF directory 0" : nil))
        }
        var small = File(isLittleEndian: isLittleEndian)
        small.entries = [(256, 3, [1]), (325, 4, [0xFFFF_FFFF])]
        #expect(try problem(small.data)?.contains("found 4294967295 bytes in tile 0") == true)
        small.entries = [(325, 4, [UInt64](repeating: 9, count: 300_000) + [0x8000_0000])]
        #expect(try problem(small.data)?.contains("bytes in tile 300000") == true)
        small.entries = [(325, 3, [0xFFFF, 2, 3])]
        #expect(try problem(small.data) == nil)
    }

    @Test func impossibleTiles() throws {
        for (side, isRefused) in [(8192, false), (16384, true), (0xFFFF_FFFF, true)] {
            var file = File()
            file.entries = [(322, 4, [UInt64(side)]), (323, 4, [UInt64(side)])]
            let expected = "expected tiles of at most 67108864 px, found \(side) x \(side) px in TIFF directory 0"
            #expect(try problem(file.data) == (isRefused ? expected : nil))
        }
    }

    /// Everything else is for OpenSlide to report.
    @Test func otherDamageAndOtherFiles() throws {
        var file = File(entries: [(325, 4, [1, 2, 0xFFFF_FFFF])], next: 8)
        #expect(try problem(file.data)?.contains("tile 2") == true)
        file.entries = [(325, 4, [1, 2, 3])]
        #expect(try problem(file.data) == nil, "a cycle")
        #expect(try problem(Array(file.data.dropLast(12))) == nil, "an array that is cut short")
        #expect(try problem(Array(file.data.prefix(14))) == nil, "a directory that is cut short")
        file.next = 0xFFFF_FFF0
        #expect(try problem(file.data) == nil, "an offset outside the file")
        file.entries.append((65420, 4, [1]))
        file.entries[0].values = [0xFFFF_FFFF]
        #expect(try problem(file.data) == nil, "NDPI has 64-bit numbers in 32-bit fields")
        for text in ["", "II", "not a TIFF file at all", "II*\0"] { #expect(try problem(Array(text.utf8)) == nil) }
    }

    /// A search of all tiles for each of them would not end within the limit.
    @Test(.timeLimit(.minutes(5))) func manyTilesTakeLittleTime() throws {
        var file = File(isBig: true)
        file.entries = [(325, 16, [UInt64](repeating: 9, count: 1_000_000))]
        #expect(try problem(file.data) == nil)
    }
}
