import Foundations
import Imaging

/// A data set folder in the making.
///
/// Every file appears whole, and `labels.csv` comes last. An interrupted import is continued by the same import into the
/// same folder: `import.json` has its settings, and files that are there are not made again.
final class DatasetWriter: Sendable {
    let folder: FilePath
    private let lock: FolderLock

    /// Throws `unwritable` unless the folder is new, empty, or has an unfinished import with the same settings.
    init(_ folder: FilePath, settings: some Encodable) throws {
        self.folder = folder
        let record = folder.appending("import.json")
        let text = try JSON.text(settings, pretty: true) + "\n"
        let isContinued = record.isFile && !folder.appending("labels.csv").exists
        if isContinued {
            let earlier = try FileBytes(record)
            guard earlier.bytes.elementsEqual(text.utf8) else {
                throw FileError(
                    folder, .unwritable,
                    "expected a new or empty folder, found an unfinished import with other settings")
            }
        } else {
            try Folder.make(folder)
        }
        lock = try FolderLock(folder)
        if lock.isHeld { AtomicFile.removeLeftovers(in: folder) }
        if !isContinued { try AtomicFile.write(text, to: record) }
    }

    /// Whether a file is still to be made: it does not exist, or one of those it is made of has changed since.
    func needs(_ name: String, from sources: FilePath...) -> Bool {
        func time(_ path: FilePath) -> Double? {
            (try? path.stat()).map { Double($0.st_mtim.tv_sec) + Double($0.st_mtim.tv_nsec) / 1e9 }
        }
        guard let made = time(folder.appending(name)) else { return true }
        return sources.contains { time($0).map { $0 >= made } ?? true }
    }

    /// Copies a file under a new name.
    func copy(_ source: FilePath, as name: String) throws(FileError) {
        guard needs(name, from: source) else { return }
        let content = try FileBytes(source)
        let file = try AtomicFile(folder.appending(name))
        try file.write(UnsafeRawBufferPointer(content.bytes))
        withExtendedLifetime(content) {}
        try file.commit()
    }

    /// Writes `labels.csv`, which finishes the data set.
    func finish(_ rows: [LabelFile.Row]) throws(FileError) {
        var text = csvLine(["filename", "label", "group", "mpp", "mask"], isInput: true)
        for row in rows {
            let cells = [
                row.filename, row.label?.name ?? "", row.group ?? "",
                row.micronsPerPixel.map { String($0, significantDigits: 6) } ?? "", row.mask ?? "",
            ]
            text += csvLine(cells, isInput: true)
        }
        try AtomicFile.write(text, to: folder.appending("labels.csv"))
    }
}

/// Names for the files of a data set.
struct DatasetNames {
    private var taken: Set<String> = ["labels.csv", "import.json"]

    /// A name that no other file of the data set has, from a stem and an ending such as ".png". Characters with a
    /// meaning in tables or paths become "_".
    mutating func name(_ stem: String, _ ending: String) -> String {
        let scalars = stem.unicodeScalars.map { scalar in
            let isSafe = scalar.properties.isAlphabetic || "0123456789-_.+()".unicodeScalars.contains(scalar)
            return isSafe ? scalar : "_"
        }
        var safe = String(String.UnicodeScalarView(scalars))
        if !(safe.unicodeScalars.first.map { $0.properties.isAlphabetic || "0123456789_".unicodeScalars.contains($0) }
            ?? false)
        {
            safe = "_" + safe
        }
        // The longest names of common file systems have 255 bytes.
        while safe.utf8.count > 200 { safe.removeLast() }
        var (name, count) = (safe + ending, 1)
        // Names that differ in case only are one file elsewhere.
        while !taken.insert(name.lowercased()).inserted {
            count += 1
            name = "\(safe)_\(count)\(ending)"
        }
        return name
    }
}
