import Datasets
import Foundation
import Foundations
import Imaging

extension TileSet {
    /// A JPEG picture of a tile, with lines of text below it. It is encoded in the folder `scratch`; where that fails, the
    /// page shows a note in its place.
    func picture(of index: Int, scratch: FilePath, _ lines: [String]) -> Page.Picture {
        Page.Picture(image: (try? jpeg(of: index, in: scratch)) ?? Data(), lines.filter { !$0.isEmpty })
    }

    private func jpeg(of index: Int, in folder: FilePath) throws -> Data {
        // The name is one that `AtomicFile.removeLeftovers` removes after a killed process.
        let path = folder.appending(".picture.partial-\(UUID().uuidString).jpg")
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        let writer = try JPEGWriter(path: path, width: side, height: side)
        try withPixels(of: index) { try writer.write(rows: $0, count: side) }
        try writer.finish()
        return try Data(contentsOf: URL(fileURLWithPath: path.string))
    }
}
