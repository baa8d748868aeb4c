/// An image format that cannot be read, or only by OpenSlide 4, with what to do about it.
package struct UnsupportedFormat: Sendable {
    /// "a BMP image"
    private let name: String
    private let advice: String
    /// Whether OpenSlide reads slides of this format from version 4 on.
    let needsOpenSlide4: Bool
    /// Of its files, in lower case.
    let fileExtensions: Set<String>
    /// Bytes at a place of the file; any of them identifies the format.
    private let signatures: [(offset: Int, bytes: [UInt8])]

    private init(
        _ name: String, _ advice: String, _ fileExtensions: Set<String>, needsOpenSlide4: Bool = false,
        _ signatures: (Int, [UInt8])...
    ) {
        (self.name, self.advice, self.needsOpenSlide4) = (name, advice, needsOpenSlide4)
        self.fileExtensions = fileExtensions
        self.signatures = signatures.map { (offset: $0.0, bytes: $0.1) }
    }

    /// The format and what to do about it.
    var description: String {
        guard needsOpenSlide4, let version = OpenSlideLibrary.version else { return "\(name); \(advice)" }
        return OpenSlideLibrary.isBefore4
            ? "\(name), which needs OpenSlide 4, not \(version) (see NUCLEI_OPENSLIDE); or \(advice)"
            : "\(name) that OpenSlide \(version) does not recognize as a slide; \(advice)"
    }

    /// The format that begins with these bytes; nil for others. `headLength` bytes are enough.
    static func of(_ head: [UInt8]) -> UnsupportedFormat? {
        all.first { format in
            format.signatures.contains { head.dropFirst($0.offset).starts(with: $0.bytes) }
        }
    }

    /// Bytes at the beginning of a file that signatures reach to.
    static let headLength = 352

    /// Extensions of image files that cannot be read. Archives and documents are not among them.
    package static let imageExtensions = all.reduce(into: Set<String>()) { $0.formUnion($1.fileExtensions) }
        .subtracting(OpenSlideLibrary.fileExtensions)

    private static let toPNG = "convert it to PNG or TIFF"
    private static let toSlide = "convert it to a pyramidal TIFF, for example with QuPath or bfconvert"

    private static func box(_ brand: String) -> (Int, [UInt8]) { (4, Array("ftyp\(brand)".utf8)) }

    private static let all = [
        UnsupportedFormat("a BMP image", toPNG, ["bmp", "dib"], (0, Array("BM".utf8))),
        UnsupportedFormat("a GIF image", toPNG, ["gif"], (0, Array("GIF8".utf8))),
        UnsupportedFormat("a WebP image", toPNG, ["webp"], (8, Array("WEBP".utf8))),
        UnsupportedFormat(
            "a JPEG 2000 image", toPNG, ["jp2", "j2k", "jpx", "jpf", "j2c"],
            (0, [0, 0, 0, 0x0C, 0x6A, 0x50]), (0, [0xFF, 0x4F, 0xFF, 0x51])),
        UnsupportedFormat(
            "a JPEG XL image", toPNG, ["jxl"], (0, [0, 0, 0, 0x0C, 0x4A, 0x58, 0x4C]), (0, [0xFF, 0x0A])),
        UnsupportedFormat(
            "a HEIF or AVIF image", toPNG, ["heic", "heif", "hif", "avif"],
            box("heic"), box("heix"), box("heim"), box("hevc"), box("mif1"), box("msf1"), box("avif"), box("avis")),
        UnsupportedFormat("a JPEG XR image", toPNG, ["jxr", "wdp", "hdp"], (0, [0x49, 0x49, 0xBC])),
        UnsupportedFormat(
            "a DICOM file", toSlide, DICOMSeries.fileExtensions, needsOpenSlide4: true, (128, Array("DICM".utf8))),
        UnsupportedFormat(
            "a Zeiss CZI file", toSlide, ["czi"], needsOpenSlide4: true, (0, Array("ZISRAWFILE".utf8))),
        UnsupportedFormat("a Nikon ND2 file", toSlide, ["nd2"], (0, [0xDA, 0xCE, 0xBE, 0x0A])),
        UnsupportedFormat("a Leica LIF file", toSlide, ["lif"], (0, [0x70, 0, 0, 0])),
        UnsupportedFormat(
            "a NIfTI file", toPNG, ["nii"], (344, Array("n+1\0".utf8)), (344, Array("ni1\0".utf8)),
            (0, [0x5C, 0x01, 0, 0])),
        UnsupportedFormat("an HDF5 file", toPNG, ["h5", "hdf5"], (0, [0x89, 0x48, 0x44, 0x46])),
        UnsupportedFormat("an Olympus ETS file", toSlide, ["vsi", "ets"], (0, [0x53, 0x49, 0x53, 0])),
        UnsupportedFormat("a Philips iSyntax file", toSlide, ["isyntax"], (0, Array("<DataObject ObjectType".utf8))),
        UnsupportedFormat("a PDF document", toPNG, [], (0, Array("%PDF".utf8))),
        UnsupportedFormat("a ZIP archive", "unpack it", [], (0, [0x50, 0x4B, 0x03, 0x04])),
        UnsupportedFormat("a file compressed by gzip", "unpack it", [], (0, [0x1F, 0x8B])),
    ]
}
