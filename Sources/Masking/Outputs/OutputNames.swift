import Foundations
import Foundation

/// What is written of images, and where.
package struct OutputNames: Sendable {
    package enum Kind: String, CaseIterable, Codable, Sendable {
        case mask, record, csv, geojson, probabilities, disagreement, heatmap, tissue
    }

    /// What stands for an image's name, without its extension, in the names of files.
    package static let placeholder = "{}"

    /// Names that were asked for; masks and their records have one always.
    package var names: [Kind: String]
    /// Where names without a folder are meant, instead of beside the image.
    package var folder: FilePath?
    /// Where journals are, instead of beside the mask.
    package var scratch: FilePath?

    package init(_ names: [Kind: String] = [:], folder: FilePath? = nil, scratch: FilePath? = nil) {
        (self.names, self.folder, self.scratch) = (names, folder, scratch)
    }

    /// The file of a kind that is written of an image; nil when it was not asked for.
    package func path(_ kind: Kind, for image: FilePath) -> FilePath? {
        switch kind {
        case .record: mask(for: image).removingExtension.withSuffix(".json")
        case .mask: mask(for: image)
        default: names[kind].map { resolve($0, for: image) }
        }
    }

    package func mask(for image: FilePath) -> FilePath {
        resolve(names[.mask] ?? "\(Self.placeholder)_nuclei_mask.png", for: image)
    }

    /// All files that are written of an image and stay.
    package func paths(for image: FilePath) -> [Kind: FilePath] {
        Dictionary(uniqueKeysWithValues: Kind.allCases.compactMap { kind in path(kind, for: image).map { (kind, $0) } })
    }

    /// The file that lets an interrupted command go on.
    package func journal(for image: FilePath) -> FilePath {
        let path = mask(for: image).withSuffix(".windows")
        guard let scratch else { return path }
        // Masks of one name in several folders have journals of their own.
        let place = URL(fileURLWithPath: path.string).standardizedFileURL.path
        return scratch.appending("\(SHA256.digest(of: place).prefix(8))-\(path.name)")
    }

    /// A name that was given, for one image. A name without a folder is meant in the folder that was asked for, or,
    /// where the image's name is part of it, beside the image.
    package func resolve(_ name: String, for image: FilePath) -> FilePath {
        let own = FilePath(name.replacing(Self.placeholder, with: image.stem ?? ""))
        if name.contains("/") { return own }
        if let folder { return folder.pushing(own) }
        return name.contains(Self.placeholder) ? image.removingLastComponent().pushing(own) : own
    }

    /// Whether a file of that name is to be a TIFF.
    package static func isTIFF(_ path: FilePath) -> Bool {
        ["tif", "tiff"].contains(path.lowercasedExtension)
    }

    /// Two files to write that are one, in words; nil when there are none.
    package func clash(for images: [FilePath]) -> String? {
        var taken = [FilePath: (path: FilePath, image: FilePath)]()
        for image in images {
            let own = paths(for: image).sorted { $0.key.rawValue < $1.key.rawValue }.map(\.value)
            for path in own + [journal(for: image)] {
                guard let other = taken.updateValue((path, image), forKey: ImageSearch.place(path)) else { continue }
                return other.image == image
                    ? "expected another file for each output, found \(other.path) and \(path)"
                    : "expected another file for each image, found \(path) for \(other.image) and \(image)"
            }
        }
        return nil
    }
}
