import Foundations

/// The names of the files that masking writes for each image.
package struct OutputNames: Sendable {
    /// The part of a name that stands for the name of the image without its extension.
    package static let placeholder = "{}"

    /// Requested names. Masks and their records have names in any case.
    package var names: [OutputKind: String]
    /// The folder of names without a folder; nil places them next to the image.
    package var folder: FilePath?
    /// Images whose outputs are in a folder inside `folder`, and the path to it.
    package var subfolders = [FilePath: FilePath]()
    /// The folder of window caches; nil places them next to the mask.
    package var scratch: FilePath?

    /// Texts that replace the placeholder for images that would get the same files by their own names.
    var distinct = [FilePath: String]()

    package init(_ names: [OutputKind: String] = [:], folder: FilePath? = nil, scratch: FilePath? = nil) {
        (self.names, self.folder, self.scratch) = (names, folder, scratch)
    }

    /// The file of a kind for an image; nil if it is not requested.
    package func path(_ kind: OutputKind, for image: FilePath) -> FilePath? {
        switch kind {
        case .record: MaskRecord.path(ofMask: mask(for: image))
        case .mask: mask(for: image)
        default: names[kind].map { resolve($0, for: image) }
        }
    }

    package func mask(for image: FilePath) -> FilePath {
        resolve(names[.mask] ?? "\(Self.placeholder)_nuclei_mask.png", for: image)
    }

    /// All files that are written for an image and stay.
    package func paths(for image: FilePath) -> [OutputKind: FilePath] {
        Dictionary(
            uniqueKeysWithValues: OutputKind.allCases.compactMap { kind in path(kind, for: image).map { (kind, $0) } })
    }

    /// The window cache of an image.
    package func cache(for image: FilePath) -> CachePlace { scratch.map { .folder($0) } ?? .file(ownCache(for: image)) }

    /// The window cache of an image that is next to its mask.
    private func ownCache(for image: FilePath) -> FilePath { mask(for: image).withSuffix(".windows") }

    /// The files of an image by kind, then its window cache, unless that is in the folder of caches, where names are
    /// distinct.
    package func allPaths(for image: FilePath) -> [FilePath] {
        paths(for: image).sorted { $0.key.rawValue < $1.key.rawValue }.map(\.value)
            + (scratch == nil ? [ownCache(for: image)] : [])
    }

    /// A given name, for one image. A name without a folder lies in the requested folder or, if it contains the
    /// placeholder, or with `isBeside`, next to the image.
    package func resolve(_ name: String, for image: FilePath, isBeside: Bool = false) -> FilePath {
        let own = FilePath(name.replacing(Self.placeholder, with: distinct[image] ?? image.stem ?? ""))
        if name.contains("/") { return own }
        if let folder { return folder.pushing(subfolders[image] ?? "").pushing(own) }
        return isBeside || name.contains(Self.placeholder) ? image.removingLastComponent().pushing(own) : own
    }

    /// A description of two files to write that have the same path; nil if there are none.
    package func clash(for images: [FilePath]) -> String? {
        var taken = [FilePath: (path: FilePath, image: FilePath)]()
        for image in images {
            for path in allPaths(for: image) {
                guard let other = taken.updateValue((path, image), forKey: path.location) else { continue }
                return other.image == image
                    ? "expected another file for each output, found \(other.path) and \(path)"
                    : "expected another file for each image, found \(path) for \(other.image) and \(image)"
            }
        }
        return nil
    }
}
