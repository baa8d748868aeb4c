import Foundations
import Glibc

/// A file that keeps what a run computes, so that an interrupted run can continue.
///
/// It begins with a line that states its kind and what its content depends on, filled up to a whole number of pages. What
/// a process has written survives the process. One process at a time has the file open.
final class CacheFile {
    /// Content of a cache. Raw values are the first bytes of the file, before the version of the format.
    enum Kind: String, CaseIterable {
        case windows = "nuclei-windows-"
        case nuclei = "nuclei-objects-"

        fileprivate var name: String { self == .windows ? "a window cache" : "a cache of nuclei" }
    }

    private static let page = 4096

    static func wholePages(_ bytes: Int) -> Int { (bytes + page - 1) / page * page }

    let path: FilePath
    /// Offset of the content.
    let start: Int
    /// Whether the file held content that depends on something else.
    let wasReset: Bool
    private let file: FileDescriptor

    /// Opens the file with the same header, or starts a new one. `reserved` is the size of the content, for which space is
    /// reserved; a file of another size is started anew. Without it, the content grows.
    ///
    /// Throws `unwritable` where the disk is full or the file is not a cache, and `busy` where another process has it open.
    init(_ path: FilePath, _ kind: Kind, version: Int, header: String, reserved: Int? = nil) throws(FileError) {
        let header = Array("\(kind.rawValue)\(version) \(header)\n".utf8)
        let start = Self.wholePages(header.count)
        let file = try FileError.writing(path) {
            try FileDescriptor.open(
                path, .readWrite, options: [.create, .closeOnExec],
                permissions: [.ownerReadWrite, .groupRead, .otherRead])
        }
        var isOwned = false
        defer { if !isOwned { try? file.close() } }
        if try file.tryLock(path) == .taken {
            throw FileError(path, .busy, "expected a file that is not in use, found it locked by another process")
        }
        wasReset = try Self.prepare(file, path, kind, header: header, start: start, reserved: reserved)
        (self.path, self.start, self.file) = (path, start, file)
        isOwned = true
    }

    deinit { try? file.close() }

    /// Makes the file have a header and a size, emptied unless it has both. Returns whether other content was dropped.
    private static func prepare(
        _ file: FileDescriptor, _ path: FilePath, _ kind: Kind, header: [UInt8], start: Int, reserved: Int?
    ) throws(FileError) -> Bool {
        try FileError.writing(path) {
            var found = [UInt8](repeating: 0, count: header.count)
            let count = try found.withUnsafeMutableBytes { try file.read(fromAbsoluteOffset: 0, into: $0) }
            let size = Int(try file.seek(offset: 0, from: .end))
            let hasSize = reserved.map { size == start + $0 } ?? (size >= start)
            if count == found.count, found == header, hasSize { return false }
            // Space that was reserved just before a power failure reads as zeros.
            let isCache = Kind.allCases.contains { found.starts(with: $0.rawValue.utf8) }
            guard size == 0 || isCache || found.allSatisfy({ $0 == 0 }) else {
                throw FileError(path, .unwritable, "expected \(kind.name), found another file")
            }
            try file.resize(to: 0)
            do throws(FileError) { try file.reserve(start + (reserved ?? 0), path) } catch {
                unlink(path.string)
                throw error
            }
            try file.writeAll(toAbsoluteOffset: 0, header)
            return size > 0
        }
    }

    /// The size of the file in bytes.
    var byteCount: Int {
        get throws(FileError) { try FileError.reading(path) { Int(try file.seek(offset: 0, from: .end)) } }
    }

    /// Cuts the file.
    func truncate(to byteCount: Int) throws(FileError) {
        try FileError.writing(path) { try file.resize(to: Int64(byteCount)) }
    }

    /// Reads bytes of the file. Those beyond its end, where another program cut it short, stay as they are.
    func read(_ bytes: UnsafeMutableRawBufferPointer, at offset: Int) throws(FileError) {
        try FileError.reading(path) {
            var done = 0
            while done < bytes.count {
                let count = try file.read(
                    fromAbsoluteOffset: Int64(offset + done),
                    into: UnsafeMutableRawBufferPointer(rebasing: bytes[done...]))
                if count == 0 { return }
                done += count
            }
        }
    }

    /// Reads numbers of the file. Those beyond its end are 0.
    func read<Number: FixedWidthInteger & BitwiseCopyable>(
        _ count: Int, of type: Number.Type, at offset: Int
    ) throws(FileError) -> [Number] {
        var numbers = [Number](repeating: 0, count: count)
        try FileError.reading(path) { try numbers.withUnsafeMutableBytes { try read($0, at: offset) } }
        return numbers
    }

    /// Writes numbers to the file.
    func write(_ numbers: [some FixedWidthInteger & BitwiseCopyable], at offset: Int) throws(FileError) {
        try FileError.writing(path) { try numbers.withUnsafeBytes { try write($0, at: offset) } }
    }

    func write(_ bytes: UnsafeRawBufferPointer, at offset: Int) throws(FileError) {
        _ = try FileError.writing(path) { try file.writeAll(toAbsoluteOffset: Int64(offset), bytes) }
    }

    /// Removes the file. It stays readable as long as this object lives.
    func remove() { unlink(path.string) }
}
