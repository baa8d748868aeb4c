import Foundations
import Foundation

/// The images that some arguments mean: files, folders and patterns.
package struct ImageSearch: Sendable {
    /// What files in folders have to be called to be looked at: images, and the formats that OpenSlide reads.
    package static let fileExtensions: Set<String> = [
        "png", "jpg", "jpeg", "svs", "tif", "tiff", "ndpi", "mrxs", "vms", "vmu", "scn", "bif", "svslide",
    ]

    /// In the order of the arguments, what is in a folder or fits a pattern by name; none twice.
    package private(set) var images = [String]()
    /// Files that were found but are masks or other pictures of ours.
    package private(set) var leftOut = [String]()
    /// Whether one file was named, and nothing had to be searched.
    package let isSingle: Bool

    /// Files are taken as they are; of folders the images and slides that lie in them, but not in folders within; a
    /// pattern is what has `*`, `?` or `[` and is no file. Unless one file is all that is asked for, what this program
    /// writes is left out: `NAME_nuclei_mask.*` and the like, and what the record of a mask names.
    ///
    /// Throws `unreadable` when a folder cannot be read, or has no images, or nothing fits a pattern.
    package init(_ arguments: [String]) throws(FileError) {
        var found = [String]()
        for argument in arguments {
            if Self.isFolder(argument) {
                found += try Self.images(in: argument)
            } else if argument.contains(where: "*?[".contains), !FileManager.default.fileExists(atPath: argument) {
                found += try Self.files(fitting: argument)
            } else {
                found.append(argument)
            }
        }
        isSingle = arguments.count == 1 && found == arguments
        var seen = Set<String>()
        var records = [String: Set<String>]()
        for path in found where seen.insert(Self.place(path)).inserted {
            let folder = (path as NSString).deletingLastPathComponent
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
    package static func place(_ path: String) -> String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    /// Paths for a table: without their folders, unless names are then the same.
    package static func shortNames(_ paths: [String]) -> [String] {
        let names = paths.map { ($0 as NSString).lastPathComponent }
        return Set(names).count == names.count ? names : paths
    }

    private static func isFolder(_ path: String) -> Bool {
        var isFolder: ObjCBool = false
        return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
    }

    private static func images(in folder: String) throws(FileError) -> [String] {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            throw FileError(folder, .unreadable, "cannot be read (\(error.localizedDescription))")
        }
        let paths = names.filter { !$0.hasPrefix(".") && fileExtensions.contains(fileExtension($0)) }
            .map { (folder as NSString).appendingPathComponent($0) }.filter { !isFolder($0) }
        if paths.isEmpty { throw FileError(folder, .unreadable, "expected images or slides, found none") }
        return sorted(paths)
    }

    private static func files(fitting pattern: String) throws(FileError) -> [String] {
        var list = glob_t()
        defer { globfree(&list) }
        let status = glob(pattern, 0, nil, &list)
        let paths = status == 0 ? (0..<Int(list.gl_pathc)).map { String(cString: list.gl_pathv[$0]!) } : []
        let files = paths.filter { !isFolder($0) }
        if files.isEmpty { throw FileError(pattern, .unreadable, "expected files that fit, found none") }
        return sorted(files)
    }

    /// As people count: `slide_2` before `slide_10`.
    private static func sorted(_ paths: [String]) -> [String] {
        paths.sorted { a, b in
            let order = a.compare(b, options: .numeric)
            return order == .orderedSame ? a < b : order == .orderedAscending
        }
    }

    private static func isOurs(_ path: String, _ recorded: Set<String>) -> Bool {
        let name = ((path as NSString).lastPathComponent as NSString).deletingPathExtension
        let endings = ["_nuclei_mask", "_nuclei_overlay", "_truth"]
        return endings.contains(where: name.hasSuffix) || recorded.contains((path as NSString).lastPathComponent)
    }

    /// Names of the files that the records of masks in a folder say they wrote.
    private static func recorded(in folder: String) -> Set<String> {
        let folder = folder.isEmpty ? "." : folder
        let names = (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
        return names.filter { fileExtension($0) == "json" }.reduce(into: []) { result, name in
            guard let record = MaskRecord(reading: (folder as NSString).appendingPathComponent(name)),
                let mask = record.files[OutputNames.Kind.mask.rawValue]
            else { return }
            // The record lies beside the mask; what was written elsewhere may have an image's name.
            let own = (mask as NSString).deletingLastPathComponent
            for path in record.files.values where (path as NSString).deletingLastPathComponent == own {
                result.insert((path as NSString).lastPathComponent)
            }
        }
    }

    private static func fileExtension(_ path: String) -> String { (path as NSString).pathExtension.lowercased() }
}
