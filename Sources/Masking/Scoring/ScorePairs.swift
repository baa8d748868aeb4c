import Foundations

/// Masks and the truth that they are compared with, found by their names.
package struct ScorePairs: Sendable {
    package struct Pair: Sendable {
        /// Common part of the names.
        package let name: String
        package let mask: FilePath
        package let truth: FilePath
    }

    package private(set) var pairs = [Pair]()
    /// Masks without truth and truth without a mask, in folders.
    package private(set) var masksAlone = [FilePath]()
    package private(set) var truthAlone = [FilePath]()

    /// Pairs two files, whatever their names; or the files of folders whose names are the same up to their extensions and
    /// words such as `_truth`, `_labels` and `-mask` at the end.
    ///
    /// Of several files in a folder with the same name, the one whose words fit best counts. Images, masks and truth
    /// may therefore be in one folder. Throws `unreadable` where a folder cannot be read, and `malformed` where no
    /// names are the same, or several files fit equally.
    package init(mask: FilePath, truth: FilePath) throws(FileError) {
        if !mask.isFolder, !truth.isFolder {
            pairs = [Pair(name: LabelFileName(mask).name, mask: mask, truth: truth)]
            return
        }
        let (masks, truths) = (try Self.files(mask), try Self.files(truth))
        for name in ImageSearch.sorted(masks.keys.map { FilePath($0) }).map(\.string) {
            let candidates = masks[name]!
            guard let others = truths[name] else {
                masksAlone += candidates
                continue
            }
            let own = try Self.best(candidates, order: [.mask, .truth, .none], in: mask)
            let other = try Self.best(others, order: [.truth, .mask, .none], in: truth)
            if own.location != other.location { pairs.append(Pair(name: name, mask: own, truth: other)) }
        }
        let names = Set(pairs.map(\.name))
        truthAlone = ImageSearch.sorted(truths.filter { !names.contains($0.key) }.flatMap(\.value))
        if pairs.isEmpty {
            throw FileError(
                mask, expected: "label images with the names of those in \(truth)",
                found: masksAlone.first.map { "\($0.name) and no truth for it" } ?? "none")
        }
    }

    /// The label images of a folder by their names; or one file.
    private static func files(_ path: FilePath) throws(FileError) -> [String: [FilePath]] {
        guard path.isFolder else { return [LabelFileName(path).name: [path]] }
        let files = try Folder.paths(in: path).filter { LabelFileName.isLabelImage($0) }
        return Dictionary(grouping: files) { LabelFileName($0).name }
    }

    /// The file whose word comes first in an order.
    private static func best(
        _ files: [FilePath], order: [LabelFileName.Kind], in folder: FilePath
    ) throws(FileError) -> FilePath {
        let kind = order.first { kind in files.contains { LabelFileName($0).kind == kind } }
        let best = files.filter { LabelFileName($0).kind == kind }
        guard best.count == 1 else {
            throw FileError(
                folder, expected: "one label image of \(LabelFileName(best[0]).name)",
                found: best.map(\.name).sorted().joined(separator: ", "))
        }
        return best[0]
    }
}

/// The name of a label image: that of the image that it belongs to, and words at the end.
struct LabelFileName {
    enum Kind {
        case mask, truth, none
    }

    let name: String
    /// That of the last word.
    let kind: Kind

    private static let words: [String: Kind] = [
        "mask": .mask, "masks": .mask, "nuclei": .mask, "cp": .mask, "seg": .mask, "prediction": .mask,
        "truth": .truth, "label": .truth, "labels": .truth, "gt": .truth, "instances": .truth, "annotation": .truth,
        "annotations": .truth,
    ]

    init(_ path: FilePath) {
        var (rest, kind) = (Substring(path.stem ?? path.name), Kind.none)
        while let separator = rest.lastIndex(where: { "_-. ".contains($0) }), separator > rest.startIndex,
            let word = Self.words[rest[rest.index(after: separator)...].lowercased()]
        {
            if kind == .none { kind = word }
            rest = rest[..<separator]
        }
        (name, self.kind) = (String(rest), kind)
    }

    /// Whether a file in a folder may be a label image, by its name.
    static func isLabelImage(_ path: FilePath) -> Bool {
        let extensions: Set<String> = ["png", "tif", "tiff", "geojson"]
        return extensions.contains(path.lowercasedExtension) && !path.name.hasPrefix(".") && path.isFile
            && path.stem?.hasSuffix("_nuclei_overlay") == false
    }
}
