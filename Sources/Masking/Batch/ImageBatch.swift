import Foundations

/// The images of one command and the files that are written for them.
package struct ImageBatch: Sendable {
    package let images: [FilePath]
    /// Whether a single file was named.
    package let isSingle: Bool
    /// Lines about files that were found but are not masked.
    package let leftOut: [String]
    /// Folders that cannot be read, inside those that were named.
    package let problems: [FileError]
    package let names: OutputNames
    /// All files that are read.
    package let inputs: [FilePath]

    /// Searches the images that `arguments` and a list name, `recursively` also in the folders inside folders. Of a
    /// list, only the images of the `shard` are taken, if any; names of outputs are those for all images. `inputs` are
    /// further files that are read for an image.
    ///
    /// Throws what `ImageSearch` throws.
    package init(
        _ arguments: [String], list: ImageList? = nil, shard: Shard? = nil, _ names: OutputNames,
        recursively: Bool = false,
        inputs: (FilePath, OutputNames) -> [FilePath] = { _, _ in [] }
    ) throws(FileError) {
        let search = try ImageSearch(arguments, list: list, recursively: recursively)
        var names = names
        names.subfolders = search.subfolders
        names.distinguish(search.images)
        self.names = names
        isSingle = search.isSingle
        problems = search.problems
        var searched = search.images
        if let shard, let list {
            let own = Set(list.images.indices.filter(shard.contains).map { list.images[$0].place })
            searched.removeAll { !own.contains($0.place) }
        }
        images = searched
        leftOut = Self.lines(search.leftOut)
        self.inputs = images + images.flatMap { inputs($0, names) } + (list.map { [$0.path] } ?? [])
    }

    /// The folders of all outputs for which a folder was requested, outer ones first.
    package var outputFolders: [FilePath] {
        guard let folder = names.folder else { return [] }
        return [folder]
            + Set(images.compactMap { names.subfolders[$0] }).map { folder.pushing($0) }
            .sorted { $0.string < $1.string }
    }

    private static func lines(_ leftOut: [ImageSearch.Reason: [FilePath]]) -> [String] {
        func line(_ count: Int, _ what: String) -> [String] {
            count == 0 ? [] : ["\(count.counted("file")) left out: \(what)"]
        }
        let unreadable = leftOut[.cannotBeRead] ?? []
        return line(leftOut[.isOutput]?.count ?? 0, "masks and other outputs")
            + line(leftOut[.isPartOfSlide]?.count ?? 0, "parts of slides")
            + line(unreadable.count, "formats that cannot be read (\(ImageSearch.extensions(unreadable)))")
    }

    /// Throws `unwritable` where an output of an image is one of the files that are read, or one of `models`.
    package func requireNoInput(models: [FilePath]) throws(FileError) {
        let read = Dictionary((inputs + models).compactMap { path in FileIdentity(path).map { ($0, path) } }) {
            first, _ in first
        }
        for image in images {
            for path in names.allPaths(for: image) {
                if let input = FileIdentity(path).flatMap({ read[$0] }) { try path.requireDistinct(from: [input]) }
            }
        }
    }

    /// Throws `unwritable` where a summary would replace a file that is read, or an output of an image.
    package func requireFree(_ summary: FilePath) throws(FileError) {
        try summary.requireDistinct(from: inputs)
        let location = summary.location
        for image in images where names.allPaths(for: image).contains(where: { $0.location == location }) {
            throw FileError(
                summary, .unwritable, "expected a file of its own, found an output of \(image)")
        }
    }
}
