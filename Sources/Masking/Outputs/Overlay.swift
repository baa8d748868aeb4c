import Foundations
import Imaging

/// An image, its mask, and the mask in red over the image, side by side, above a legend.
package enum Overlay {
    /// Opacity of the red where the mask is white.
    static let opacity = 0.4
    /// White pixels between two panels.
    static let gap = 8

    /// Size of a panel for an image, with neither side longer than `side`. Images are never enlarged.
    package static func panel(width: Int, height: Int, side: Int) -> (width: Int, height: Int) {
        let longest = max(width, height)
        guard longest > side else { return (width, height) }
        return (max(1, width * side / longest), max(1, height * side / longest))
    }

    /// Opens an image for a panel: a slide at its smallest level that is not smaller than the panel. Parts that cannot be
    /// decoded are gray.
    package static func open(_ path: FilePath, side: Int) throws(FileError) -> any RowReader {
        let reader = try openImage(path, damage: .painted)
        guard let slide = reader as? SlideReader else { return reader }
        let panel = panel(width: slide.width, height: slide.height, side: side)
        return try self.reader(slide.slide, width: panel.width, height: panel.height)
    }

    /// Rows of a slide at its smallest level that is not smaller than a size. Parts that cannot be decoded are gray.
    static func reader(_ slide: Slide, width: Int, height: Int) throws(FileError) -> SlideReader {
        let fitting = slide.metadata.levels.last { $0.width >= width && $0.height >= height }
        let level = try slide.level(downsample: fitting?.downsample ?? 1)
        return try SlideReader(slide, level: level, damage: .painted)
    }

    /// Size of the whole picture for panels of a size.
    package static func size(panel: (width: Int, height: Int)) -> (width: Int, height: Int) {
        (3 * panel.width + 2 * gap, panel.height + Legend.height(panel))
    }

    /// Writes the picture row by row; returns the share of white pixels in the mask. `micronsPerPixel` is that of the full
    /// resolution, for the scale bar. `afterRow` receives the number of finished rows and may throw to cancel.
    package static func write(
        image: any RowReader, mask: any RowReader, panel: (width: Int, height: Int), micronsPerPixel: Double? = nil,
        to writer: any RowWriter, afterRow: (Int) throws -> Void = { _ in }
    ) throws -> Double {
        let scale = Double(mask.width) / Double(panel.width)
        let counted = WhiteCounter(mask)
        let image = DownsamplingReader(image, width: panel.width, height: panel.height)
        let mask = DownsamplingReader(counted, width: panel.width, height: panel.height)
        let size = size(panel: panel)
        var line = [UInt8](repeating: 255, count: size.width * 3)
        var (picture, white) = (
            [UInt8](repeating: 0, count: panel.width * 3), [UInt8](repeating: 0, count: panel.width * 3)
        )
        let (maskStart, overlayStart) = ((panel.width + gap) * 3, (panel.width + gap) * 6)
        for row in 0..<panel.height {
            try image.readRows(into: &picture, count: 1)
            try mask.readRows(into: &white, count: 1)
            for byte in picture.indices {
                let share = Double(white[byte]) / 255 * opacity
                let red = byte % 3 == 0 ? 255.0 : 0.0
                line[byte] = picture[byte]
                line[maskStart + byte] = white[byte]
                line[overlayStart + byte] = UInt8((Double(picture[byte]) * (1 - share) + red * share).rounded())
            }
            try writer.write(rows: line.span.bytes, count: 1)
            try afterRow(row + 1)
        }
        let legend = Legend(
            panel: panel, width: size.width, starts: [0, maskStart / 3, overlayStart / 3],
            micronsPerPixel: micronsPerPixel.map { $0 * scale })
        try writer.write(rows: legend.pixels.span.bytes, count: legend.height)
        try writer.finish()
        return Double(counted.white) / (Double(counted.width) * Double(counted.height))
    }
}

/// Passes a mask through and counts its white pixels.
private final class WhiteCounter: RowReader {
    private let mask: any RowReader
    private(set) var white = 0

    init(_ mask: any RowReader) { self.mask = mask }

    var path: FilePath { mask.path }
    var width: Int { mask.width }
    var height: Int { mask.height }
    var nextRow: Int { mask.nextRow }

    func readRows(into rows: inout MutableRawSpan, count: Int) throws(FileError) {
        try mask.readRows(into: &rows, count: count)
        for pixel in 0..<count * width where rows.unsafeLoad(fromByteOffset: pixel * 3, as: UInt8.self) > 127 {
            white += 1
        }
    }
}
