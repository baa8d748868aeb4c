import CImageCodecs
import Foundations

/// A writer of CImageCodecs, with the file it writes, as a `RowWriter`. Subclasses choose the format.
package class ImageEncoder: RowWriter {
    package let width: Int
    package let height: Int
    package let bytesPerRow: Int
    package private(set) var nextRow = 0
    private let format: String
    private let writer: OpaquePointer
    private let file: AtomicFile
    private var isFinished = false
    /// The runs of a row, for C.
    private var encodedRuns = [cic_run]()
    /// The first failure, which is final.
    private var failure: FileError?

    /// Makes the temporary file and writes the header. `open` is an opening function of CImageCodecs. Throws
    /// `unwritable`.
    init(
        _ path: FilePath, format: String, largestSide: Int, width: Int, height: Int, bytesPerPixel: Int,
        open openWriter: (UnsafeMutablePointer<OpaquePointer?>, Int32) -> cic_status
    ) throws(FileError) {
        guard (1...largestSide).contains(width), (1...largestSide).contains(height) else {
            throw FileError(
                path, .unwritable,
                "expected a \(format) image of 1 to \(largestSide) px a side, found \(width) x \(height) px to write")
        }
        self.width = width
        self.height = height
        self.format = format
        bytesPerRow = width * bytesPerPixel
        file = try AtomicFile(path)
        var handle: OpaquePointer?
        let status = openWriter(&handle, file.fileDescriptor)
        guard let handle else { throw FileError(path, .unwritable, "cannot be encoded (not enough memory)") }
        writer = handle
        if status != .ok { throw error(status) }
    }

    deinit { cic_writer_close(writer) }

    package var path: FilePath { file.path }

    package func write(rows: RawSpan, count: Int) throws(FileError) {
        precondition(count >= 0 && count <= height - nextRow, "\(count) rows written, \(height - nextRow) left")
        precondition(rows.byteCount >= count * bytesPerRow, "\(rows.byteCount) bytes do not hold \(count) rows")
        if let failure { throw failure }
        if count == 0 { return }
        let status = rows.withUnsafeBytes { bytes in
            cic_writer_write(writer, bytes.assumingMemoryBound(to: UInt8.self).baseAddress!, Int32(count))
        }
        try check(status)
        nextRow += count
    }

    package func write(_ runs: [PixelRun], count: Int) throws(FileError) {
        precondition(count >= 0 && count <= height - nextRow, "\(count) rows written, \(height - nextRow) left")
        if let failure { throw failure }
        if count == 0 { return }
        encodedRuns.removeAll(keepingCapacity: true)
        for run in runs {
            let isInside = run.pixels.lowerBound >= 0 && run.pixels.upperBound <= width
            precondition(isInside, "pixels \(run.pixels) of a row of \(width)")
            encodedRuns.append(
                cic_run(start: Int32(run.pixels.lowerBound), end: Int32(run.pixels.upperBound), value: run.value))
        }
        try check(cic_writer_write_runs(writer, encodedRuns, Int32(encodedRuns.count), Int32(count)))
        nextRow += count
    }

    package func finish() throws(FileError) {
        if let failure { throw failure }
        precondition(nextRow == height && !isFinished, "finished after \(nextRow) of \(height) rows, or twice")
        try check(cic_writer_finish(writer))
        do {
            try file.commit()
            isFinished = true
        } catch {
            failure = error
            throw error
        }
    }

    private func check(_ status: cic_status) throws(FileError) {
        guard status != .ok else { return }
        let error = error(status)
        failure = error
        throw error
    }

    private func error(_ status: cic_status) -> FileError {
        let message = String(cString: cic_writer_message(writer))
        switch status {
        case .ioFailed: return FileError(path, .unwritable, "cannot be written (\(message))")
        case .noMemory: return FileError(path, .unwritable, "cannot be encoded (not enough memory)")
        case .unsupported, .malformed, .truncated, .ok:
            return FileError(path, .unwritable, "cannot be encoded as a \(format) image (\(message))")
        }
    }
}
