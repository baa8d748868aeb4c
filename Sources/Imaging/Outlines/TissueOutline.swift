import Foundations

/// The polygons of a GeoJSON file around tissue, such as a QuPath export, in pixels of the image at full resolution.
package struct TissueOutline {
    package typealias Point = OutlinedObject.Point

    /// Rings of polygons around tissue: the outer one, then holes.
    private(set) var polygons = [[[Point]]]()
    /// Those of objects whose class ends with `*`, which QuPath ignores: they are not tissue.
    private(set) var ignored = [[[Point]]]()
    /// Tells which objects have no area; nil if all have one.
    let remark: String?

    /// Reads a file. With `classes`, only objects of one of these classes are used, whatever the case of their names.
    ///
    /// Throws `unreadable`, and `malformed` where the file is not GeoJSON or has no polygon to use.
    init(_ path: FilePath, classes: [String]) throws(FileError) {
        let file = try OutlineFile(path)
        remark = file.remark
        let chosen = Set(classes.map { $0.lowercased() })
        for object in file.objects {
            let isChosen = chosen.contains(object.className.lowercased())
            if object.isIgnored, !isChosen {
                ignored += object.polygons
            } else if classes.isEmpty || isChosen {
                polygons += object.polygons
            }
        }
        if !polygons.isEmpty { return }
        guard classes.isEmpty || file.objects.isEmpty else {
            let found = Set(file.objects.map(\.className)).sorted().map { $0.isEmpty ? "no class" : $0 }
            throw FileError(
                path, expected: "objects of the class \(classes.joined(separator: " or "))",
                found: "those of \(found.joined(separator: ", "))")
        }
        let other = ignored.isEmpty ? "none" : "ignored classes only"
        throw FileError(path, expected: "polygons around tissue", found: file.summary ?? other)
    }
}
