import Foundations
import Imaging

/// The files that slides of several files consist of, next to the file that is opened.
struct SlideParts {
    private var paths = Set<FilePath>()

    /// Takes the parts of the slides among `paths`: images that the index of a Hamamatsu VMS or VMU slide names, and all
    /// files of a DICOM series but the largest one.
    init(_ paths: [FilePath]) {
        for index in paths where ["vms", "vmu"].contains(index.lowercasedExtension) {
            for name in Self.names(inIndex: index) { self.paths.insert(index.sibling(name).place) }
        }
        var largest = [Series: (path: FilePath, size: Int64)]()
        for path in paths where DICOMSeries.fileExtensions.contains(path.lowercasedExtension) {
            guard let identifier = DICOMSeries.identifier(of: path), let size = try? path.stat().size else { continue }
            let series = Series(folder: path.folder.place, identifier: identifier)
            guard let other = largest[series] else {
                largest[series] = (path, size)
                continue
            }
            if other.path.place == path.place { continue }
            let isLarger = (size, other.path.string) > (other.size, path.string)
            self.paths.insert(isLarger ? other.path.place : path.place)
            if isLarger { largest[series] = (path, size) }
        }
    }

    private struct Series: Hashable {
        let folder: FilePath
        let identifier: String
    }

    /// Whether a file is a part of a slide, also of a MIRAX slide that lies in the folder of its parts.
    func contains(_ path: FilePath) -> Bool {
        paths.contains(path.place)
            || path.folder.appending("Slidedat.ini").isFile && path.folder.withSuffix(".mrxs").isFile
    }

    /// Bytes that no index reaches.
    private static let largestIndex = 1 << 20

    /// The names of files that the index of a VMS or VMU slide has.
    static func names(inIndex path: FilePath) -> [String] {
        guard let file = try? FileBytes(path), file.bytes.count <= largestIndex else { return [] }
        let text = withExtendedLifetime(file) { String(decoding: $0.bytes, as: UTF8.self) }
        let keys = ["ImageFile", "MapFile", "MacroImage", "OptimisationFile"]
        return text.split(whereSeparator: \.isNewline).compactMap { line in
            guard let equals = line.firstIndex(of: "="), keys.contains(where: line.hasPrefix) else { return nil }
            return String(line[line.index(after: equals)...]).trimmed
        }
        .filter { !$0.isEmpty && !$0.contains("/") }
    }
}
