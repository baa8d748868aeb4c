import Foundations

/// The tiles of a data set folder and the files that contain them, before these are decoded.
///
/// With `labels.csv`: the tiles that it names, then any other file `tile_<id>.png` of the folder as an unlabeled tile.
/// Without it: the images in the folders `NUCLEI`, `NO_NUCLEUS` and `unlabeled`, and in all folders below. The names of
/// the folders directly in these are groups.
struct TileList {
    private(set) var images: [TileImage]
    /// `labels.csv`; nil for folders of classes.
    let labels: FilePath?

    private static let unlabeledFolders = ["unlabeled", "unlabelled"]
    private static let imageExtensions: Set = ["png", "jpg", "jpeg", "tif", "tiff"]

    /// Throws `FileError`, or `DatasetError` with every invalid row.
    init(folder: FilePath) throws {
        let path: FilePath = "\(folder)/labels.csv"
        let names = Folder.names(in: folder)
        let classes = Self.classFolders(among: names)
        if !classes.isEmpty, !names.contains("labels.csv") {
            labels = nil
            images = try Self.rows(in: classes, of: folder).map {
                TileImage(row: $0, file: folder.pushing(FilePath($0.filename)), mask: nil)
            }
            return
        }
        let rows = try LabelFile(path: path).rows
        labels = path
        // A folder that can be listed contains `labels.csv` at least.
        guard !names.isEmpty else {
            throw FileError(folder, .unreadable, "expected a folder of tiles, found one that cannot be listed")
        }
        var spelling = FileSpelling(folder: folder)
        images = rows.map { row in
            TileImage(
                row: row, file: spelling.file(FilePath(row.filename)),
                mask: row.mask.map { spelling.file(FilePath($0)) })
        }
        try requireEachOnce(path)
        let named = Set(images.flatMap(\.files))
        for name in Self.sorted(names) where name.utf8.starts(with: "tile_".utf8) && name.utf8.ends(with: ".png".utf8) {
            let file = folder.appending(name)
            if named.contains(file) { continue }
            images.append(TileImage(row: LabelFile.Row(filename: name, label: nil), file: file, mask: nil))
        }
    }

    /// Throws where two rows name one file in two spellings.
    private func requireEachOnce(_ path: FilePath) throws(DatasetError) {
        var lineOf = [FilePath: Int]()
        var problems = [FileError]()
        for image in images {
            guard let first = lineOf.updateValue(image.row.line, forKey: image.file) else { continue }
            problems.append(
                FileError(
                    "\(path):\(image.row.line)", expected: "each tile once",
                    found: "\(image.row.filename) again (first in line \(first))"))
        }
        if !problems.isEmpty { throw DatasetError(problems) }
    }

    /// Folders of classes, in upper or lower case, with the labels of their tiles; empty unless there is one for a class.
    private static func classFolders(among names: [String]) -> [(name: String, label: TileLabel?)] {
        func folders(_ wanted: String) -> [String] { sorted(names.filter { $0.lowercased() == wanted.lowercased() }) }
        let labeled = TileLabel.allCases.flatMap { label in folders(label.name).map { ($0, TileLabel?.some(label)) } }
        return labeled.isEmpty ? [] : labeled + unlabeledFolders.flatMap { folders($0).map { ($0, nil) } }
    }

    private static func rows(
        in classes: [(name: String, label: TileLabel?)], of folder: FilePath
    ) throws(FileError) -> [LabelFile.Row] {
        var all = [LabelFile.Row]()
        for (name, label) in classes {
            let own = folder.appending(name)
            all += rows(visible(in: own), in: name, label, group: nil)
            for inner in try Folder.tree(below: own) {
                all += rows(
                    visible(in: own.pushing(inner)), in: "\(name)/\(inner)", label,
                    group: inner.components.first?.string)
            }
        }
        return all
    }

    private static func rows(
        _ names: [String], in folder: String, _ label: TileLabel?, group: String?
    ) -> [LabelFile.Row] {
        names.filter { imageExtensions.contains(FilePath($0).lowercasedExtension) }
            .map { LabelFile.Row(filename: "\(folder)/\($0)", label: label, group: group) }
    }

    /// The names in a folder that are not hidden.
    private static func visible(in folder: FilePath) -> [String] {
        sorted(Folder.names(in: folder)).filter { !$0.utf8.starts(with: ".".utf8) }
    }

    /// Names in the order of their bytes. The order of strings is not defined for names that differ in their spelling of
    /// accents only.
    private static func sorted(_ names: [String]) -> [String] {
        names.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
    }
}

/// Finds files whose names are spelled with other Unicode sequences than in the folder, such as "é" as one scalar or as
/// "e" and an accent.
private struct FileSpelling {
    let folder: FilePath
    /// The names in each folder that was searched. Equal strings may have different bytes.
    private var names = [FilePath: [String: [String]]]()

    init(folder: FilePath) { self.folder = folder }

    /// The file of a path in the folder: with exactly these bytes where it exists, or else the only one that differs in
    /// spelling. Returns the path as it is where there is none.
    mutating func file(_ path: FilePath) -> FilePath {
        let exact = folder.pushing(path)
        if exact.exists { return exact }
        var found = folder
        for component in path.components {
            let next = found.appending(component)
            if next.exists {
                found = next
            } else if let names = spellings(of: component.string, in: found), names.count == 1 {
                found.append(names[0])
            } else {
                return exact
            }
        }
        return found
    }

    private mutating func spellings(of name: String, in folder: FilePath) -> [String]? {
        let known = names[folder] ?? Dictionary(grouping: Folder.names(in: folder)) { $0 }
        names[folder] = known
        return known[name]
    }
}

extension String.UTF8View {
    fileprivate func ends(with end: String.UTF8View) -> Bool { reversed().starts(with: end.reversed()) }
}
