import Foundations
import Imaging

/// An image in memory as rows.
final class ArrayReader: RowReader {
    let path: FilePath = "memory"
    let image: RGBImage
    private(set) var nextRow = 0

    init(_ image: RGBImage) { self.image = image }

    var width: Int { image.width }
    var height: Int { image.height }

    func readRows(into rows: inout MutableRawSpan, count: Int) throws(FileError) {
        let bytes = image.pixels[nextRow * width * 3..<(nextRow + count) * width * 3]
        rows.withUnsafeMutableBytes { $0.copyBytes(from: bytes) }
        nextRow += count
    }
}
