import CImageCodecs
import Foundations

/// A reader of CImageCodecs, with the file it reads. Subclasses choose the format and the form of the rows.
package class CodecReader {
    package let path: FilePath
    /// As messages name it: "PNG".
    private let format: String
    let reader: OpaquePointer

    /// Opens the file and reads its header. `open` is an opening function of CImageCodecs. Throws `unreadable` or
    /// `malformed`.
    init(
        _ path: FilePath, format: String,
        open openReader: (UnsafeMutablePointer<OpaquePointer?>, Int32) -> cic_status
    ) throws(FileError) {
        let file = try openForReading(path)
        var handle: OpaquePointer?
        let status = openReader(&handle, file.rawValue)
        guard let handle else { throw FileError(path, .unreadable, "cannot be decoded (not enough memory)") }
        reader = handle
        self.path = path
        self.format = format
        if status != .ok { throw error(status) }
    }

    deinit { cic_reader_close(reader) }

    package var width: Int { Int(cic_reader_width(reader)) }
    package var height: Int { Int(cic_reader_height(reader)) }
    package var nextRow: Int { Int(cic_reader_next_row(reader)) }

    /// Decodes the next `count` rows, at most the number of rows left. `rows` has room for them.
    func decode(into rows: UnsafeMutableRawPointer, count: Int) throws(FileError) {
        let status = cic_reader_read(reader, rows, Int32(count))
        if status != .ok { throw error(status) }
    }

    private func error(_ status: cic_status) -> FileError {
        let message = String(cString: cic_reader_message(reader))
        let place = height == 0 ? "in its header" : "at row \(nextRow) of \(height)"
        switch status {
        case .truncated:
            return FileError(path, expected: "a whole \(format) image", found: "\(message) \(place)")
        case .noMemory:
            return FileError(path, .unreadable, "cannot be decoded (not enough memory)")
        case .unsupported:
            return FileError(path, .malformed, "cannot be decoded as a \(format) image (\(message))")
        case .ioFailed:
            return FileError(path, .unreadable, "cannot be read (\(message))")
        case .malformed, .ok:
            return FileError(path, expected: "an intact \(format) image", found: "damage \(place) (\(message))")
        }
    }
}

/// Opens a regular file for reading. Refuses anything else without waiting, as opening a pipe would.
func openForReading(_ path: FilePath) throws(FileError) -> FileDescriptor {
    func check(_ type: FileType) throws(FileError) {
        switch type {
        case .regular: break
        case .directory: throw FileError(path, .unreadable, "expected an image file, found a folder")
        case .socket: throw FileError(path, .unreadable, "expected an image file, found a socket")
        default: throw FileError(path, .unreadable, "expected an image file, found a pipe or a device")
        }
    }
    return try FileError.reading(path) {
        // Before opening, which may have effects on a device; and after, because another file may have replaced it.
        try check(path.stat().type)
        let file = try FileDescriptor.open(path, .readOnly, options: [.nonBlocking, .closeOnExec])
        do {
            try check(file.stat().type)
        } catch {
            try? file.close()
            throw error
        }
        return file
    }
}
