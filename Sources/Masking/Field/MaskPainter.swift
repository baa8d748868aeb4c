import Foundations
import Imaging

/// Writes a mask band by band, 255 where it is white, else 0, and counts its pixels.
package struct MaskPainter {
    private let writer: any RowWriter
    private var line: [UInt8]
    package private(set) var summary: MaskSummary

    package init(_ writer: any RowWriter, windows: Int) {
        self.writer = writer
        line = [UInt8](repeating: 0, count: writer.width)
        summary = MaskSummary(width: writer.width, height: writer.height, windows: windows)
    }

    /// Bands come from top to bottom, without gaps.
    package mutating func add(_ band: MaskBand) throws(FileError) {
        precondition(band.rows.lowerBound == writer.nextRow, "bands out of order")
        line.withUnsafeMutableBufferPointer { line in
            line.update(repeating: 0)
            for run in band.white { line[run].update(repeating: 255) }
        }
        for _ in band.rows {
            let result = line.withUnsafeBytes { bytes in
                Result { () throws(FileError) in try writer.write(rows: bytes, count: 1) }
            }
            try result.get()
        }
        summary.nuclei += band.area
        summary.blank.add(band.blank, times: band.rows.count)
        summary.noNuclei += band.rows.count * (summary.width - band.blank.total) - band.area
    }

    package func finish() throws(FileError) { try writer.finish() }
}
