import CImageCodecs
import Foundations
import Foundation

/// Owns a reader of CImageCodecs: the one place where a status of decoding becomes an error.
final class Decoder {
    private let reader: OpaquePointer
    private let path: FilePath
    /// "PNG" or "JPEG".
    private let format: String

    /// Opens the file and reads its header. `open` is one of the opening functions of CImageCodecs.
    init(
        _ path: FilePath, format: String,
        open openReader: (UnsafeMutablePointer<OpaquePointer?>, Int32) -> cic_status
    ) throws(FileError) {
        let descriptor = try openForReading(path)
        var handle: OpaquePointer?
        let status = openReader(&handle, descriptor)
        guard let handle else { throw FileError(path, .unreadable, "cannot be decoded (not enough memory)") }
        reader = handle
        self.path = path
        self.format = format
        if status != .ok { throw error(status) }
    }

    deinit { cic_reader_close(reader) }

    var width: Int { Int(cic_reader_width(reader)) }
    var height: Int { Int(cic_reader_height(reader)) }
    var nextRow: Int { Int(cic_reader_next_row(reader)) }

    func read(into buffer: UnsafeMutableRawBufferPointer, count: Int) throws(FileError) {
        guard count > 0, let bytes = buffer.baseAddress else { return }
        let status = cic_reader_read(reader, bytes.assumingMemoryBound(to: UInt8.self), Int32(count))
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

/// A descriptor of a regular file, open for reading. Anything else is refused before it is opened: a pipe would block.
func openForReading(_ path: FilePath) throws(FileError) -> Int32 {
    try FileError.wrapping {
        switch try path.stat().type {
        case .regular: break
        case .directory: throw FileError(path, .unreadable, "expected an image file, found a folder")
        default: throw FileError(path, .unreadable, "expected an image file, found a pipe or a device")
        }
        return try FileDescriptor.open(path, .readOnly, options: .closeOnExec).rawValue
    } _: {
        .unreadable(path, $0)
    }
}
