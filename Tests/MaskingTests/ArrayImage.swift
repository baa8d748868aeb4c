import Foundations
import Imaging

/// An image in memory.
final class ArrayReader: RowReader {
    let path: FilePath = "memory"
    let width: Int
    let height: Int
    private(set) var nextRow = 0
    private let pixels: [UInt8]
    /// Pixels that count as unreadable.
    private let damage: PixelRegion?

    init(width: Int, height: Int, pixels: [UInt8], damage: PixelRegion? = nil) {
        precondition(pixels.count == width * height * 3)
        self.damage = damage
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    var unreadable: [Range<Int>] {
        damage.map { $0.y..<$0.bottom ~= nextRow - 1 ? [$0.x..<$0.right] : [] } ?? []
    }

    func readRows(into rows: inout MutableRawSpan, count: Int) throws(FileError) {
        precondition(count <= height - nextRow)
        let first = nextRow * width * 3
        rows.withUnsafeMutableBytes { $0.copyBytes(from: pixels[first..<first + count * width * 3]) }
        nextRow += count
    }
}

/// Collects the rows that are written.
final class ArrayWriter: RowWriter {
    let path: FilePath = "memory"
    let width: Int
    let height: Int
    let bytesPerRow: Int
    private(set) var nextRow = 0
    private(set) var pixels = [UInt8]()
    private(set) var isFinished = false

    init(width: Int, height: Int, channels: Int) {
        self.width = width
        self.height = height
        bytesPerRow = width * channels
    }

    func write(rows: RawSpan, count: Int) throws(FileError) {
        rows.withUnsafeBytes { pixels += $0[..<(count * bytesPerRow)] }
        nextRow += count
    }

    func write(_ runs: [PixelRun], count: Int) throws(FileError) {
        var row = [UInt8](repeating: 0, count: width)
        for run in runs { for x in run.pixels { row[x] = UInt8(run.value) } }
        for _ in 0..<count { try write(rows: row.span.bytes, count: 1) }
    }

    func finish() throws(FileError) {
        precondition(nextRow == height)
        isFinished = true
    }
}
