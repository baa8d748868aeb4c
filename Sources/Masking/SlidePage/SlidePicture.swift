import FoundationEssentials
import Foundations
import Imaging

/// A picture of an image as levels of JPEG tiles, for a page.
struct SlidePicture: Encodable {
    struct Level: Encodable {
        let width: Int
        let height: Int
        /// JPEG files by row, then column.
        let tiles: [Data]
    }

    /// Side of a tile in pixels.
    static let tile = 256
    private static let quality = 75

    /// The finest first.
    private(set) var levels = [Level]()

    /// A picture of an image, with no side longer than `side`. `afterRow` receives the number of rows read and may throw to
    /// cancel. Also returns the parts of the picture that cannot be decoded, in pixels of the image.
    static func make(
        _ image: FilePath, side: Int, beside output: FilePath, afterRow: (_ done: Int, _ total: Int) throws -> Void
    ) throws -> (picture: SlidePicture, width: Int, height: Int, unreadable: [Polygon]) {
        let full = try openImage(image)
        let size = Overlay.panel(width: full.width, height: full.height, side: side)
        let source = DamageCollector(try Overlay.open(image, side: side), width: full.width, height: full.height)
        let reader = DownsamplingReader(source, width: size.width, height: size.height)
        var pixels = [UInt8](repeating: 0, count: 3 * size.width * size.height)
        for row in 0..<size.height {
            var line = [UInt8](repeating: 0, count: 3 * size.width)
            try reader.readRows(into: &line, count: 1)
            pixels.replaceSubrange(3 * row * size.width..<3 * (row + 1) * size.width, with: line)
            try afterRow(row + 1, size.height)
        }
        var picture = SlidePicture()
        let encoder = try JPEGEncoder(beside: output)
        var (width, height) = (size.width, size.height)
        while true {
            picture.levels.append(try Level(pixels, width: width, height: height, encoder))
            if max(width, height) <= tile { break }
            (pixels, width, height) = halved(pixels, width: width, height: height)
        }
        return (picture, full.width, full.height, try source.polygons())
    }

    /// Means of squares of 2 x 2 pixels; at odd edges, of those that exist.
    private static func halved(_ pixels: [UInt8], width: Int, height: Int) -> (pixels: [UInt8], width: Int, height: Int)
    {
        let (newWidth, newHeight) = ((width + 1) / 2, (height + 1) / 2)
        var result = [UInt8](repeating: 0, count: 3 * newWidth * newHeight)
        for y in 0..<newHeight {
            let rows = [2 * y, min(2 * y + 1, height - 1)]
            for x in 0..<newWidth {
                let columns = [2 * x, min(2 * x + 1, width - 1)]
                for channel in 0..<3 {
                    var sum = 2
                    for row in rows {
                        for column in columns { sum += Int(pixels[3 * (row * width + column) + channel]) }
                    }
                    result[3 * (y * newWidth + x) + channel] = UInt8(sum / 4)
                }
            }
        }
        return (result, newWidth, newHeight)
    }
}

extension SlidePicture.Level {
    init(_ pixels: [UInt8], width: Int, height: Int, _ encoder: JPEGEncoder) throws(FileError) {
        (self.width, self.height) = (width, height)
        var tiles = [Data]()
        for top in stride(from: 0, to: height, by: SlidePicture.tile) {
            let rows = top..<min(top + SlidePicture.tile, height)
            for left in stride(from: 0, to: width, by: SlidePicture.tile) {
                let columns = left..<min(left + SlidePicture.tile, width)
                let part = rows.flatMap { row in
                    pixels[3 * (row * width + columns.lowerBound)..<3 * (row * width + columns.upperBound)]
                }
                tiles.append(
                    Data(
                        try encoder.encode(
                            part, width: columns.count, height: rows.count, quality: SlidePicture.quality)))
            }
        }
        self.tiles = tiles
    }
}

/// Passes rows through and collects the parts that cannot be decoded.
private final class DamageCollector: RowReader {
    private let source: any RowReader
    private let scale: (x: Double, y: Double)
    private var tracer: ContourTracer
    private var found: Box
    private final class Box { var polygons = [Polygon]() }

    /// `width` and `height` are those of the full resolution.
    init(_ source: any RowReader, width: Int, height: Int) {
        self.source = source
        scale = (Double(width) / Double(source.width), Double(height) / Double(source.height))
        let box = Box()
        found = box
        tracer = ContourTracer { box.polygons.append($0) }
    }

    var path: FilePath { source.path }
    var width: Int { source.width }
    var height: Int { source.height }
    var nextRow: Int { source.nextRow }

    func readRows(into rows: inout MutableRawSpan, count: Int) throws(FileError) {
        precondition(count == 1, "rows are read one at a time")
        try source.readRows(into: &rows, count: 1)
        var row = RowRuns()
        for columns in source.unreadable { row.add(columns, row: 0) }
        // The tracer throws what its closure throws: nothing.
        try? tracer.add(rows: source.nextRow - 1..<source.nextRow, white: row.take(row: 0))
    }

    /// In pixels of the full resolution.
    func polygons() throws -> [Polygon] {
        try tracer.finish()
        return found.polygons.map { polygon in
            Polygon(
                rings: polygon.rings.map { ring in
                    ring.map { Corner(x: Int(Double($0.x) * scale.x), y: Int(Double($0.y) * scale.y)) }
                })
        }
    }
}
