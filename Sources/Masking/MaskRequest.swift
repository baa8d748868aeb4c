import Foundations

/// One image to mask: where it is, how to read it, and which files to write.
package struct MaskRequest: Sendable {
    package var image: FilePath
    package var resolution = ResolutionChoice.model
    package var tissue = TissueSource.automatic
    /// How positive regions become nuclei; nil keeps the regions.
    package var refinement: RefinementMethod?
    package var formats = OutputFormats()
    /// Files to write. Mask and record are required.
    package var files: [OutputKind: FilePath]
    /// Where the file is that keeps finished blocks, so that an interrupted run can continue.
    package var cache: CachePlace
    /// Whether the cache stays after the mask is complete.
    package var keepsCache = false
    /// The folder to which an image of a single file is copied before it is read; nil reads it in place.
    package var stagingFolder: FilePath?
    /// The copy of the image that is read; nil for the image itself.
    var copy: FilePath?

    package init(image: FilePath, files: [OutputKind: FilePath], cache: CachePlace) {
        precondition(files[.mask] != nil && files[.record] != nil, "a request without mask or record")
        (self.image, self.files, self.cache) = (image, files, cache)
    }

    /// An image with the files and the cache that `names` gives it.
    package init(image: FilePath, names: OutputNames) {
        self.init(image: image, files: names.paths(for: image), cache: names.cache(for: image))
    }

    package var mask: FilePath { files[.mask]! }
    package var record: FilePath { files[.record]! }
}

/// Variants of the files that masking writes.
package struct OutputFormats: Codable, Equatable, Sendable {
    /// Bits per pixel of a PNG mask, 8 or 1.
    package var bits = 8
    /// Pixels within which outlines are simplified, except that of the tissue, which is read again; 0 for exact ones.
    package var tolerance = 0.5
    package var windowColumns = WindowColumns.all

    package init() {}
}

/// A method that outlines the nuclei inside positive regions.
package enum RefinementMethod: String, CaseIterable, Sendable {
    /// Thresholds the density of hematoxylin.
    case hematoxylin
}

/// Where an image is processed.
package enum TissueSource: Equatable, Sendable {
    /// In the tissue that a coarse level of a slide shows; images without levels are processed everywhere.
    case automatic
    case everywhere
    /// Inside the polygons of a GeoJSON file, in pixels of the full resolution; with `classes`, those of objects of these
    /// classes.
    case outline(FilePath, classes: [String] = [])

    /// Text that changes when the processed area does. Throws `unreadable` where the outline cannot be read.
    var identity: String {
        get throws(FileError) {
            switch self {
            case .automatic: "auto"
            case .everywhere: "off"
            case .outline(let path, let classes):
                try ([SHA256.digest(ofFile: path)] + Set(classes).sorted()).joined(separator: "\n")
            }
        }
    }
}
