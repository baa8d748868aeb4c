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
    package var folder: String?
    /// Where journals are, instead of beside the mask.
    package var scratch: String?

    package init(_ names: [Kind: String] = [:], folder: String? = nil, scratch: String? = nil) {
        (self.names, self.folder, self.scratch) = (names, folder, scratch)
    }

    /// The file of a kind that is written of an image; nil when it was not asked for.
    package func path(_ kind: Kind, for image: String) -> String? {
        switch kind {
        case .record: (mask(for: image) as NSString).deletingPathExtension + ".json"
        case .mask: mask(for: image)
        default: names[kind].map { resolve($0, for: image) }
        }
    }

    package func mask(for image: String) -> String {
        resolve(names[.mask] ?? "\(Self.placeholder)_nuclei_mask.png", for: image)
    }

    /// All files that are written of an image and stay.
    package func paths(for image: String) -> [Kind: String] {
        Dictionary(uniqueKeysWithValues: Kind.allCases.compactMap { kind in path(kind, for: image).map { (kind, $0) } })
    }

    /// The file that lets an interrupted command go on.
    package func journal(for image: String) -> String {
        let path = mask(for: image) + ".windows"
        guard let scratch else { return path }
        // Masks of one name in several folders have journals of their own.
        let place = URL(fileURLWithPath: path).standardizedFileURL.path
        let digest = Array(place.utf8).withUnsafeBytes { SHA256.digest(of: $0) }
        let name = "\(digest.prefix(8))-\((path as NSString).lastPathComponent)"
        return (scratch as NSString).appendingPathComponent(name)
    }

    /// A name that was given, for one image. A name without a folder is meant in the folder that was asked for, or,
    /// where the image's name is part of it, beside the image.
    package func resolve(_ name: String, for image: String) -> String {
        let image = image as NSString
        let base = (image.lastPathComponent as NSString).deletingPathExtension
        let own = name.replacingOccurrences(of: Self.placeholder, with: base)
        if name.contains("/") { return own }
        if let folder { return (folder as NSString).appendingPathComponent(own) }
        let isPattern = name.contains(Self.placeholder)
        return isPattern ? (image.deletingLastPathComponent as NSString).appendingPathComponent(own) : own
    }

    /// Whether a file of that name is to be a TIFF.
    package static func isTIFF(_ path: String) -> Bool {
        ["tif", "tiff"].contains((path as NSString).pathExtension.lowercased())
    }

    /// Two files to write that are one, in words; nil when there are none.
    package func clash(for images: [String]) -> String? {
        var taken = [String: (path: String, image: String)]()
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
