import Foundations
import Imaging

/// State of an image file, which changes when the image is changed or replaced.
package struct ImageState: Codable, Equatable, Sendable {
    package let file: FileState
    /// Files of a slide that are not named on the command line: those in the folder of a MIRAX slide, those in the index of a
    /// VMS or VMU slide, and the others of a DICOM series.
    package let parts: [FileState]

    /// Throws `unreadable` where a file does not exist.
    package init(_ path: FilePath) throws(FileError) {
        file = try FileState(path)
        var parts = [FileState]()
        if path.lowercasedExtension == "mrxs" {
            let folder = path.removingExtension
            for name in Folder.names(in: folder).sorted() where folder.appending(name).isFile {
                parts.append(try FileState(folder.appending(name)))
            }
        } else if ["vms", "vmu"].contains(path.lowercasedExtension) {
            for name in SlideParts.names(inIndex: path).sorted() where path.sibling(name).isFile {
                parts.append(try FileState(path.sibling(name)))
            }
        } else if DICOMSeries.fileExtensions.contains(path.lowercasedExtension) {
            for part in DICOMSeries.files(of: path) where part.name != path.name { parts.append(try FileState(part)) }
        }
        self.parts = parts
    }

    /// Whether the image is whole in a copy of its file: not the index of a slide of several files, nor of a series.
    package var isSingleFile: Bool {
        let ending = FilePath(file.name).lowercasedExtension
        return parts.isEmpty && !["mrxs", "vms", "vmu"].contains(ending)
            && !DICOMSeries.fileExtensions.contains(ending)
    }
}
