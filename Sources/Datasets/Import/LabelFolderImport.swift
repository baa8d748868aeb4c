import Foundations
import Imaging

/// A data set made of images and their label images.
///
/// The images are those of a folder, and of all folders below; the names of those directly in it become the groups. The
/// label image of `a.jpg` is a PNG or TIFF file `a_labels`, `a_label`, `a_masks` or `a_mask` next to it; with a second
/// folder, in the same place of that one, where it may also be named `a`.
package struct LabelFolderImport: Encodable, Sendable {
    package let images: String
    /// The folder of label images; nil where they are next to the images.
    package let masks: String?
    /// The group of all images; nil for the names of folders.
    package let group: String?
    /// Microns per pixel; nil for those that the files state.
    package let micronsPerPixel: Double?

    package init(images: FilePath, masks: FilePath?, group: String?, micronsPerPixel: Double?) {
        (self.images, self.masks) = (images.string, masks?.string)
        (self.group, self.micronsPerPixel) = (group, micronsPerPixel)
    }

    private static let imageExtensions = ["png", "jpg", "jpeg", "tif", "tiff"]
    private static let maskExtensions = ["png", "tif", "tiff"]
    private static let maskEndings = ["_labels", "_label", "_masks", "_mask"]

    /// An image and its label image, nil where there is none.
    private struct Pair: Sendable {
        let image: FilePath
        let mask: FilePath?
        let group: String?
    }

    /// The contents of the new data set, in numbers.
    package struct Result: Sendable {
        package let images: Int
        /// Images without a label image, which stay unlabeled.
        package let unlabeled: Int
        package let nuclei: Int
    }

    /// Writes the data set to a new or empty folder. Images are copied and label images are written as PNG files of 16
    /// bits, where connected parts of masks are numbered. An interrupted import is continued.
    ///
    /// `afterEach` receives the number of finished images and of all images, and may throw to stop. Throws `FileError`, or
    /// `DatasetError` with the problem of every image; then there is no `labels.csv`.
    package func write(
        to output: FilePath, threads: Int, afterEach: @Sendable (_ done: Int, _ total: Int) throws -> Void
    ) throws -> Result {
        let pairs = try pairs(except: output)
        guard pairs.contains(where: { $0.mask != nil }) else {
            let path = FilePath(masks ?? images)
            throw FileError(
                path, expected: "label images named like the images, such as \(pairs[0].image.stem ?? "a")_labels.png",
                found: "none")
        }
        let writer = try DatasetWriter(output, settings: self)
        var unique = DatasetNames()
        let names = pairs.map { pair in
            let stem = pair.image.stem ?? "image"
            let image = unique.name(stem, ".\(pair.image.lowercasedExtension)")
            return (
                image: image, mask: pair.mask.map { _ in unique.name("\(FilePath(image).stem ?? stem)_labels", ".png") }
            )
        }
        let results = try mapInParallel(
            pairs.count, threads: threads, afterEach: { try afterEach($0, pairs.count) }
        ) { index in
            Swift.Result { () throws(FileError) in
                try add(pairs[index], names[index].image, names[index].mask, to: writer)
            }
        }
        var rows = [LabelFile.Row]()
        var (nuclei, problems) = (0, [FileError]())
        for result in results {
            switch result {
            case .success(let added):
                rows.append(added.row)
                nuclei += added.nuclei
            case .failure(let error): problems.append(error)
            }
        }
        guard problems.isEmpty else { throw DatasetError(problems) }
        try writer.finish(rows)
        return Result(images: rows.count, unlabeled: pairs.count { $0.mask == nil }, nuclei: nuclei)
    }

    /// Copies an image and writes its label image.
    private func add(
        _ pair: Pair, _ name: String, _ maskName: String?, to writer: DatasetWriter
    ) throws(FileError) -> (row: LabelFile.Row, nuclei: Int) {
        let image = try openImage(pair.image)
        var nuclei: LabelMap?
        if let mask = pair.mask, let maskName {
            let labels = try LabelImage(decoding: mask)
            guard (labels.width, labels.height) == (image.width, image.height) else {
                throw FileError(
                    mask, expected: "\(image.width) x \(image.height) pixels like \(pair.image.name)",
                    found: "\(labels.width) x \(labels.height)")
            }
            let map = LabelMap(labels.nuclei)
            guard map.count <= UInt16.max else {
                throw FileError(mask, expected: "at most \(UInt16.max) nuclei", found: "\(map.count)")
            }
            nuclei = map
            if writer.needs(maskName, from: mask) { try map.image.write(to: writer.folder.appending(maskName)) }
        }
        try writer.copy(pair.image, as: name)
        let row = LabelFile.Row(
            filename: name, label: nuclei?.count == 0 ? .noNucleus : nil, group: group ?? pair.group,
            micronsPerPixel: micronsPerPixel ?? image.micronsPerPixel.map { ($0.x * $0.y).squareRoot() },
            mask: maskName)
        return (row, nuclei?.count ?? 0)
    }

    /// The images in the order of their paths, without those that were imported into a folder here. Throws where there is
    /// none.
    private func pairs(except output: FilePath) throws(FileError) -> [Pair] {
        let folder = FilePath(images)
        let masks = self.masks.map { FilePath($0) }
        // Without this, a missing folder would look like one without label images.
        if let masks { _ = try Folder.contents(of: masks) }
        var pairs = try Self.pairs(in: folder, masks: masks, group: nil)
        for part in try Folder.tree(below: folder, except: [masks, output].compactMap { $0?.place }) {
            pairs += try Self.pairs(
                in: folder.pushing(part), masks: masks?.pushing(part), group: part.components.first?.string)
        }
        guard !pairs.isEmpty else {
            throw FileError(folder, expected: "PNG, JPEG or TIFF images", found: "none")
        }
        return pairs
    }

    private static func pairs(in folder: FilePath, masks: FilePath?, group: String?) throws(FileError) -> [Pair] {
        let files = try Folder.paths(in: folder).filter { !$0.isFolder && !$0.name.hasPrefix(".") }
        let others = masks.map { $0.isFolder ? Folder.names(in: $0) : [] } ?? files.map(\.name)
        let known = Set(others)
        return files.filter { imageExtensions.contains($0.lowercasedExtension) && !isMask($0, masks) }
            .sorted { $0.string < $1.string }
            .map { image in
                let stem = image.stem ?? ""
                let endings = maskEndings + (masks == nil ? [] : [""])
                let names = endings.flatMap { ending in maskExtensions.map { "\(stem)\(ending).\($0)" } }
                let mask = names.first(where: known.contains).map { (masks ?? folder).appending($0) }
                return Pair(image: image, mask: mask, group: group)
            }
    }

    /// Whether a file in the folder of the images is a label image by its name.
    private static func isMask(_ file: FilePath, _ masks: FilePath?) -> Bool {
        masks == nil && maskEndings.contains { (file.stem ?? "").hasSuffix($0) }
    }
}
