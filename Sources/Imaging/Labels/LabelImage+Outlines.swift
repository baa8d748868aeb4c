import Foundations

extension LabelImage {
    /// The polygons of a GeoJSON file, such as a QuPath export, in an image of this size: polygon n has label n.
    ///
    /// Coordinates are x and y in pixels. A pixel belongs to the polygon that has its center, to the last one where several
    /// have it; holes are background. Parts outside the image, objects whose class ends with `*`, which QuPath ignores, and
    /// polygons without the center of a pixel do not count. `note` receives a line about objects without an area. Throws
    /// `unreadable`, and `malformed` where the file is not GeoJSON.
    package init(
        outlines path: FilePath, width: Int, height: Int, note: (String) -> Void = { _ in }
    ) throws(FileError) {
        let outline = try TissueOutline(path, classes: [], allowsNone: true)
        if let remark = outline.remark { note(remark) }
        var labels = [UInt32](repeating: 0, count: width * height)
        for (index, polygon) in outline.polygons.enumerated() {
            let pixels = PixelOutline([polygon], width: width, height: height)
            var rows = PixelOutline.Rows(pixels)
            for y in pixels.rows {
                for columns in rows.columns(ofRow: y).columns {
                    for x in columns { labels[y * width + x] = UInt32(index + 1) }
                }
            }
        }
        self.init(width: width, height: height, labels: labels)
    }
}
