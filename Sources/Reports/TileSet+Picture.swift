import Datasets
import Foundation
import Foundations
import Imaging

extension TileSet {
    /// A JPEG picture of a tile, with lines of text below it.
    func picture(of index: Int, _ lines: [String]) throws -> Page.Picture {
        let side = Self.tileSize
        let path = NSTemporaryDirectory() + "nuclei-tile-\(UUID().uuidString).jpg"
        defer { try? FileManager.default.removeItem(atPath: path) }
        let writer = try JPEGWriter(path: FilePath(path), width: side, height: side)
        try withPixels { bytes in
            let start = Int(windows(of: [index]).offsets[0])
            try writer.write(
                rows: UnsafeRawBufferPointer(rebasing: bytes[start..<start + side * side * 3]), count: side)
        }
        try writer.finish()
        return Page.Picture(image: try Data(contentsOf: URL(fileURLWithPath: path)), lines.filter { !$0.isEmpty })
    }
}
