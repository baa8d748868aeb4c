import Foundations

extension LabelImage {
    /// The nuclei of a GeoJSON file, such as a QuPath export, in an image of this size: object n has label n. Of a cell, its
    /// nucleus counts.
    ///
    /// Coordinates are x and y in pixels. A pixel belongs to the object that has its center, to the last one where several
    /// have it; holes are background. Parts outside the image, objects whose class ends with `*`, which QuPath ignores, and
    /// objects without the center of a pixel do not count. `note` receives a line about objects without an area. Throws
    /// `unreadable`, and `malformed` where the file is not GeoJSON.
    package init(
        outlines path: FilePath, width: Int, height: Int, note: (String) -> Void = { _ in }
    ) throws(FileError) {
        let file = try OutlineFile(path)
        if let remark = file.remark { note(remark) }
        let nuclei = file.objects.filter { !$0.isIgnored }.map(\.nucleusPolygons)
        self.init(nuclei, in: PixelRegion(x: 0, y: 0, width: width, height: height))
    }
}
