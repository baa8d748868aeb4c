import Foundations
import Glibc
import Imaging

/// The images that arguments name: files, folders and patterns.
package struct ImageSearch: Sendable {
    /// Extensions of files in folders that are taken as images: PNG, JPEG, and the formats that OpenSlide reads.
    package static let fileExtensions = OpenSlideLibrary.fileExtensions.union(["png", "jpg", "jpeg", "tif", "tiff"])

    /// Why a file that was found is not masked.
    package enum Reason: Hashable, Sendable {
        case isOutput
        case isPartOfSlide
        case cannotBeRead
    }

    /// Images without duplicates, in the order of the arguments; those of a folder or pattern by name.
    package private(set) var images = [FilePath]()
    /// For images in folders inside the folder that was named: the path from that folder to theirs.
    package private(set) var subfolders = [FilePath: FilePath]()
    /// Files that were found but are not images to mask.
    package private(set) var leftOut = [Reason: [FilePath]]()
    /// Folders inside folders that cannot be read.
    package private(set) var problems = [FileError]()
    /// Whether the arguments are one file.
    package let isSingle: Bool

    /// Takes files as they are, and from folders the images and slides directly in them or, `recursively`, also in the
    /// folders inside, except hidden ones; and the files of a list as they are. A folder of DICOM files directly inside
    /// is found in any case. A pattern is an argument with `*`, `?` or `[` that is not a file. Links to one file under
    /// several names are images of their own. Unless the argument is a single file, outputs of this program are left
    /// out, which are `NAME_nuclei_mask.*` and the like, and images that state that it wrote them; and the files that
    /// slides consist of.
    ///
    /// Throws `unreadable` where a folder cannot be read or has no images, or nothing matches a pattern.
    package init(
        _ arguments: [String], list: ImageList? = nil, recursively: Bool = false
    ) throws(FileError) {
        var found = [FilePath]()
        for argument in arguments {
            let path = FilePath(argument)
            if path.isFolder {
                let count = found.count
                var (closed, unreadable) = ([FileError](), [FilePath]())
                let inside = recursively ? try Self.folders(below: path, &closed) : try Self.foldersOfDICOM(in: path)
                let folders = recursively ? inside : [(path, FilePath(""))] + inside
                for (folder, subfolder) in folders {
                    let images = try Self.images(in: folder, &unreadable)
                    found += images
                    if !subfolder.isEmpty { for image in images { subfolders[image] = subfolder } }
                }
                problems += closed
                if !unreadable.isEmpty { leftOut[.cannotBeRead, default: []] += unreadable }
                if found.count == count {
                    if let problem = closed.first { throw problem }
                    let found =
                        unreadable.isEmpty ? "none" : "formats that cannot be read only: \(Self.extensions(unreadable))"
                    throw FileError(path, .unreadable, "expected images or slides, found \(found)")
                }
            } else if argument.contains(where: "*?[".contains), !path.exists {
                found += try Self.files(matching: argument)
            } else if argument.contains("\u{FFFD}"), !path.exists {
                // Arguments are decoded as UTF-8, and bytes that are not UTF-8 are replaced.
                throw FileError(
                    path, .unreadable, "expected a name in UTF-8, found other bytes; rename it, or name its folder")
            } else {
                found.append(path)
            }
        }
        found += list?.images ?? []
        isSingle = arguments.count == 1 && found == [FilePath(arguments[0])]
        var seen = Set<FilePath>()
        let parts = isSingle ? SlideParts([]) : SlideParts(found)
        for path in found where seen.insert(path.place).inserted {
            if parts.contains(path) {
                leftOut[.isPartOfSlide, default: []].append(path)
            } else if !isSingle && Self.isOutput(path) {
                leftOut[.isOutput, default: []].append(path)
            } else {
                images.append(path)
            }
        }
        if images.isEmpty {
            throw FileError(
                (arguments + (list.map { [$0.path.string] } ?? [])).joined(separator: ", "), .unreadable,
                "expected images or slides, found masks of them only")
        }
    }

    /// Paths for a table: names without folders, unless they would be ambiguous.
    package static func shortNames(_ paths: [FilePath]) -> [String] {
        let names = paths.map(\.name)
        return Set(names).count == names.count ? names : paths.map(\.string)
    }

    /// A folder and the folders inside, each once, however links lead to it, with their paths from it.
    private static func folders(
        below root: FilePath, _ problems: inout [FileError]
    ) throws(FileError) -> [(folder: FilePath, subfolder: FilePath)] {
        var (folders, seen) = ([(folder: FilePath, subfolder: FilePath)](), Set<FileIdentity>())
        var waiting = [(folder: root, subfolder: FilePath(""))]
        while let next = waiting.popLast() {
            guard let identity = FileIdentity(next.folder), seen.insert(identity).inserted else { continue }
            let paths: [FilePath]
            do throws(FileError) { paths = try Folder.paths(in: next.folder) } catch {
                if next.folder == root { throw error }
                problems.append(error)
                continue
            }
            folders.append(next)
            let inner = paths.filter { !$0.name.hasPrefix(".") && $0.isFolder }
            waiting += sorted(inner).reversed().map { ($0, next.subfolder.appending($0.components.suffix(1))) }
        }
        return folders
    }

    /// The folders in a folder that have DICOM files and no others, but those that were written for them.
    private static func foldersOfDICOM(in folder: FilePath) throws(FileError) -> [(
        folder: FilePath, subfolder: FilePath
    )] {
        let inner = try Folder.paths(in: folder).filter { !$0.name.hasPrefix(".") && $0.isFolder }
        return sorted(inner).filter { folder in
            let images = Folder.names(in: folder).map { folder.appending($0) }.filter {
                !$0.name.hasPrefix(".")
                    && fileExtensions.union(DICOMSeries.fileExtensions).contains($0.lowercasedExtension)
            }
            let others = images.filter { !DICOMSeries.fileExtensions.contains($0.lowercasedExtension) }
            return images.count > others.count && others.allSatisfy(isOutput)
        }.map { ($0, FilePath("").appending($0.components.suffix(1))) }
    }

    /// The images in a folder. Files of formats that cannot be read are added to `leftOut`.
    private static func images(in folder: FilePath, _ leftOut: inout [FilePath]) throws(FileError) -> [FilePath] {
        let files = try Folder.paths(in: folder).filter { !$0.name.hasPrefix(".") && !$0.isFolder }
        leftOut += files.filter { UnsupportedFormat.imageExtensions.contains($0.lowercasedExtension) }
        let paths = files.filter { fileExtensions.contains($0.lowercasedExtension) }
        return sorted(paths)
    }

    /// ".bmp, .nd2", with a note where OpenSlide 4 would read a format.
    static func extensions(_ paths: [FilePath]) -> String {
        Set(paths.map(\.lowercasedExtension)).sorted().map {
            ".\($0)" + (OpenSlideLibrary.extensionsOfVersion4.contains($0) ? " needs OpenSlide 4" : "")
        }.joined(separator: ", ")
    }

    private static func files(matching pattern: String) throws(FileError) -> [FilePath] {
        var list = glob_t()
        defer { globfree(&list) }
        let status = glob(pattern, 0, nil, &list)
        let paths = status == 0 ? (0..<Int(list.gl_pathc)).map { FilePath(platformString: list.gl_pathv[$0]!) } : []
        let files = paths.filter { !$0.isFolder }
        if files.isEmpty { throw FileError(FilePath(pattern), .unreadable, "expected matching files, found none") }
        return sorted(files)
    }

    /// Numbers in names are compared by value: `slide_2` before `slide_10`.
    static func sorted(_ paths: [FilePath]) -> [FilePath] {
        let keys = paths.map { (path: $0, parts: parts($0.string)) }
        return keys.sorted { a, b in
            for (one, other) in zip(a.parts, b.parts) where one.order != other.order { return one.order < other.order }
            if a.parts.count != b.parts.count { return a.parts.count < b.parts.count }
            return a.path.string < b.path.string
        }.map(\.path)
    }

    /// A character, or a number without its leading zeros.
    private struct Part {
        /// For numbers, the length comes first: longer ones are larger.
        let order: Order

        struct Order: Comparable {
            let scalar: UInt32
            let digits: String

            static func < (a: Order, b: Order) -> Bool {
                if a.scalar != b.scalar { return a.scalar < b.scalar }
                if a.digits.utf8.count != b.digits.utf8.count { return a.digits.utf8.count < b.digits.utf8.count }
                return a.digits < b.digits
            }
        }
    }

    private static func parts(_ text: String) -> [Part] {
        var (parts, rest) = ([Part](), Substring(text).unicodeScalars)
        func isDigit(_ scalar: Unicode.Scalar) -> Bool { ("0"..."9").contains(scalar) }
        while let first = rest.first {
            if isDigit(first) {
                let digits = rest.prefix(while: isDigit)
                rest = rest.dropFirst(digits.count)
                // Numbers sort among the characters as the digit 0 does.
                parts.append(Part(order: .init(scalar: 0x30, digits: String(Substring(digits.drop { $0 == "0" })))))
            } else {
                parts.append(Part(order: .init(scalar: first.value, digits: "")))
                rest = rest.dropFirst()
            }
        }
        return parts
    }

    /// Files of formats that nuclei does not write are not opened, which takes time on shared disks.
    private static func isOutput(_ path: FilePath) -> Bool {
        let name = path.stem ?? ""
        let endings = ["_nuclei_mask", "_nuclei_overlay", "_truth"]
        return endings.contains(where: name.hasSuffix)
            || WrittenImage.fileExtensions.contains(path.lowercasedExtension)
                && WrittenImage.software(of: path) != nil
    }
}
