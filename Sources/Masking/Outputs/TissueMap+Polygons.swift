import Foundations
import Imaging

extension TissueMap {
    /// Bluish green, which stands out from H&E and from the outlines of nuclei for every kind of colour vision.
    private static let outlineColour: [UInt8] = [0, 158, 115]

    /// A map of an image that is looked at everywhere.
    package static func everywhere(imageWidth: Int, imageHeight: Int) -> TissueMap {
        TissueMap(imageWidth: imageWidth, imageHeight: imageHeight, width: 1, height: 1, isTissue: [true])
    }

    /// Writes the outlines of the tissue as GeoJSON, in pixels of the image at full resolution: annotations of a class
    /// `Tissue` in QuPath. `init(outline:)` reads them again, to the same cells where it lays the same grid over the image
    /// (found tissue has a coarser one if the level it was found in is smaller), else to all the cells that they lie in.
    package func writeOutlines(to path: FilePath) throws {
        let writer = try GeoJSONWriter(path, objectType: .annotation, name: "Tissue", colour: Self.outlineColour)
        let (columns, rows) = (
            WindowAxis.Scale(image: imageWidth, laid: width), WindowAxis.Scale(image: imageHeight, laid: height)
        )
        var tracer = ContourTracer { polygon in
            try writer.write(
                Polygon(
                    rings: polygon.rings.map { ring in
                        ring.map { Corner(x: columns.imageEdge($0.x), y: rows.imageEdge($0.y)) }
                    }))
        }
        for row in 0..<height { try tracer.add(rows: row..<row + 1, white: runs(ofRow: row)) }
        try tracer.finish()
        try writer.finish()
    }

    /// The cells of a row that are tissue, ascending; neighbours do not touch.
    private func runs(ofRow row: Int) -> [Range<Int>] {
        var runs = [Range<Int>]()
        for x in 0..<width where isTissue[row * width + x] {
            if let last = runs.last, last.upperBound == x {
                runs[runs.count - 1] = last.lowerBound..<x + 1
            } else {
                runs.append(x..<x + 1)
            }
        }
        return runs
    }
}
