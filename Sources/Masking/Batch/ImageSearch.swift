import Foundations
import Foundation

/// The images that some arguments mean: files, folders and patterns.
package struct ImageSearch: Sendable {
    /// What files in folders have to be called to be looked at: images, and the formats that OpenSlide reads.
    package static let fileExtensions: Set<String> = [
        "png", "jpg", "jpeg", "svs", "tif", "tiff", "ndpi", "mrxs", "vms", "vmu", "scn", "bif", "svslide",
    ]

    /// In the order of the arguments, what is in a folder or fits a pattern by name; none twice.
    package private(set) var images = [FilePath]()
    /// Files that were found but are masks or other pictures of ours.
    package private(set) var leftOut = [FilePath]()
    /// Whether one file was named, and nothing had to be searched.
    package let isSingle: Bool

    /// Files are taken as they are; of folders the images and slides that lie in them, but not in folders within; a
    /// pattern is what has `*`, `?` or `[` and is no file. Unless one file is all that is asked for, what this program
    /// writes is left out: `NAME_nuclei_mask.*` and the like, and what the record of a mask names.
    ///
    /// Throws `unreadable` when a folder cannot be read, or has no images, or nothing fits a pattern.
    package init(_ arguments: [String]) throws(FileError) {
        var found = [FilePath]()
        for argument in arguments {
            let path = FilePath(argument)
            if path.isFolder {
                found += try Self.images(in: path)
            } else if argument.contains(where: "*?[".contains), !path.exists {
                found += try Self.files(fitting: argument)
            } else {
                found.append(path)
            }
        }
        isSingle = arguments.count == 1 && found == [FilePath(arguments[0])]
        var seen = Set<FilePath>()
        var records = [FilePath: Set<String>]()
        for path in found where seen.insert(Self.place(path)).inserted {
            let folder = path.folder
            let written = isSingle ? [] : records[folder] ?? Self.recorded(in: folder)
            records[folder] = written
            if !isSingle && Self.isOurs(path, written) { leftOut.append(path) } else { images.append(path) }
        }
        if images.isEmpty {
            throw FileError(
                arguments.joined(separator: ", "), .unreadable, "expected images or slides, found masks of them only")
        }
    }

    /// The file that a path comes to, whatever links it goes through.
    package static func place(_ path: FilePath) -> FilePath {
        FilePath(URL(fileURLWithPath: path.string).resolvingSymlinksInPath().path)
    }

    /// Paths for a table: without their folders, unless names are then the same.
    package static func shortNames(_ paths: [FilePath]) -> [String] {
        let names = paths.map(\.name)
        return Set(names).count == names.count ? names : paths.map(\.string)
    }

    private static func images(in folder: FilePath) throws(FileError) -> [FilePath] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder.string)
        } catch {
            throw FileError(folder, .unreadable, "cannot be read (\(error.localizedDescription))")
        }
        let paths = names.filter { !$0.hasPrefix(".") }.map { folder.appending($0) }
            .filter { fileExtensions.contains($0.lowercasedExtension) && !$0.isFolder }
        if paths.isEmpty { throw FileError(folder, .unreadable, "expected images or slides, found none") }
        return sorted(paths)
    }

    private static func files(fitting pattern: String) throws(FileError) -> [FilePath] {
        var list = glob_t()
        defer { globfree(&list) }
        let status = glob(pattern, 0, nil, &list)
        let paths = status == 0 ? (0..<Int(list.gl_pathc)).map { FilePath(platformString: list.gl_pathv[$0]!) } : []
        let files = paths.filter { !$0.isFolder }
        if files.isEmpty { throw FileError(FilePath(pattern), .unreadable, "expected files that fit, found none") }
        return sorted(files)
    }

    /// As people count: `slide_2` before `slide_10`.
    private static func sorted(_ paths: [FilePath]) -> [FilePath] {
        paths.sorted { a, b in
            let order = a.string.compare(b.string, options: .numeric)
            return order == .orderedSame ? a.string < b.string : order == .orderedAscending
        }
    }

    private static func isOurs(_ path: FilePath, _ recorded: Set<String>) -> Bool {
        let name = path.stem ?? ""
        let endings = ["_nuclei_mask", "_nuclei_overlay", "_truth"]
        return endings.contains(where: name.hasSuffix) || recorded.contains(path.name)
    }

    /// Names of the files that the records of masks in a folder say they wrote.
    private static func recorded(in folder: FilePath) -> Set<String> {
        Folder.names(in: folder).map { folder.appending($0) }.filter { $0.lowercasedExtension == "json" }
            .reduce(into: []) { result, path in
                guard let record = MaskRecord(reading: path), let mask = record.files[OutputNames.Kind.mask.rawValue]
                else { return }
                // The record lies beside the mask; what was written elsewhere may have an image's name.
                let own = FilePath(mask).folder
                for file in record.files.values.map({ FilePath($0) }) where file.folder == own { result.insert(file.name) }
            }
    }
}
