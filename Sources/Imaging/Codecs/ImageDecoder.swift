import CImageCodecs
import Foundations

/// A reader of CImageCodecs as a `RowReader`. Subclasses choose the format.
package class ImageDecoder: RowReader {
    package let path: FilePath
    /// "PNG", "JPEG" or "TIFF".
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
    package var micronsPerPixel: (x: Double, y: Double)? { nil }
    package var remark: String? { nil }

    package func readRows(into rows: inout MutableRawSpan, count: Int) throws(FileError) {
        checkRequest(rows, count)
        if count == 0 { return }
        let status = rows.withUnsafeMutableBytes { bytes in
            cic_reader_read(reader, bytes.assumingMemoryBound(to: UInt8.self).baseAddress!, Int32(count))
        }
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

/// A PNG image of any kind.
///
/// 16-bit samples are scaled to 8 bits, gray and palettes become RGB, and transparency is composed over white. Profiles,
/// gamma and texts are ignored, also where they are damaged. An interlaced image is held in memory whole.
package final class PNGReader: ImageDecoder {
    /// Reads the header. Throws `unreadable` or `malformed`; a header that promises more pixels than a file of this
    /// length can hold is malformed.
    package init(_ path: FilePath) throws(FileError) {
        try super.init(path, format: "PNG", open: cic_png_reader_open)
    }
}

/// A JPEG image with 8-bit samples: gray, YCbCr, RGB, CMYK or YCCK.
///
/// Color profiles are ignored, and pixels are used as they are stored, whatever the Exif orientation. Damage that libjpeg would paint over is an error. A progressive
/// image is held in memory whole, up to 2 GiB.
package final class JPEGReader: ImageDecoder {
    /// Reads the header. Throws `unreadable` or `malformed`.
    package init(_ path: FilePath) throws(FileError) {
        try super.init(path, format: "JPEG", open: cic_jpeg_reader_open)
    }

    package override var remark: String? {
        let orientation = cic_jpeg_reader_orientation(reader)
        return orientation == 1
            ? nil : "read as it is stored, not turned: the Exif orientation \(orientation) is not applied"
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
