import Foundations

/// Opens an image. Its content, not its name, selects the format: PNG, JPEG, any format that OpenSlide recognizes, or
/// another TIFF image.
///
/// A slide is read at full resolution; `damage` selects what happens where it cannot be decoded. Throws `unreadable` where
/// the file is missing or may not be read, and `malformed` for other formats, damaged headers, parts of slides that are
/// missing, and slides that are not stored upright. Throws `unavailable` for a slide if OpenSlide cannot be loaded.
package func openImage(_ path: FilePath, damage: Damage = .stops) throws(FileError) -> any RowReader {
    let head = try beginning(of: path)
    if isPNG(head) { return try PNGReader(path) }
    try requireWholeMIRAX(path)
    if head.starts(with: [0xFF, 0xD8, 0xFF]), path.lowercasedExtension != "mrxs" { return try JPEGReader(path) }
    let isTIFF = isTIFF(head)
    let vendor = head.isEmpty ? nil : slideVendor(path)
    if isTIFF, try isCrop(path, vendor) { return try TIFFReader(path) }
    if vendor != nil { return try SlideReader(Slide(path), damage: damage) }
    if isTIFF || UnsupportedFormat.of(head)?.needsOpenSlide4 == true
        || OpenSlideLibrary.indexExtensions.contains(path.lowercasedExtension)
    {
        try OpenSlideLibrary.require(for: path)
    }
    throw FileError(
        path, expected: "a PNG, JPEG, TIFF or whole-slide image",
        found: try isTIFF ? description(ofTIFF: path) : description(ofBeginning: head))
}

/// Describes a TIFF file that cannot be read.
private func description(ofTIFF path: FilePath) throws(FileError) -> String {
    let file = try openForReading(path)
    defer { try? file.close() }
    guard let missing = try TIFFDirectoryCheck.check(path, file) else {
        return "a TIFF image that OpenSlide does not recognize"
    }
    return "a TIFF file that is cut off, without its directory at byte \(missing)"
}

func isPNG(_ head: [UInt8]) -> Bool { head.starts(with: [0x89, 0x50, 0x4E, 0x47]) }

/// Whether a file with these first bytes is TIFF or BigTIFF.
func isTIFF(_ head: [UInt8]) -> Bool {
    [[0x49, 0x49, 0x2A, 0], [0x4D, 0x4D, 0, 0x2A], [0x49, 0x49, 0x2B, 0], [0x4D, 0x4D, 0, 0x2B]]
        .contains { head.starts(with: $0) }
}

/// Whether a TIFF image is not a slide, nor a damaged one by its name. Throws `malformed` for slides that are stored
/// turned: OpenSlide would turn each tile by itself.
private func isCrop(_ path: FilePath, _ vendor: String?) throws(FileError) -> Bool {
    if vendor == nil, OpenSlideLibrary.tiffExtensions.contains(path.lowercasedExtension) { return false }
    let header = try TIFFReader.header(path)
    guard let vendor else {
        // Without OpenSlide, tiled images are taken as slides.
        return OpenSlideLibrary.version != nil || header.map { $0.tile_width == 0 || $0.isCrop } ?? true
    }
    guard let header else { return false }
    if vendor == "generic-tiff", header.isCrop { return true }
    // OpenSlide decodes the images of NDPI files itself.
    guard header.orientation == 1 || vendor == "hamamatsu" else {
        throw FileError(
            path, expected: "a slide that is stored upright (TIFF orientation 1)",
            found: "orientation \(header.orientation); convert it, for example with vips autorot")
    }
    return false
}

/// Throws `malformed` where the index of a MIRAX slide, a JPEG preview of it, is not with the folder of the same name that
/// has the pixels, or has a name that OpenSlide does not accept.
private func requireWholeMIRAX(_ path: FilePath) throws(FileError) {
    let folder = path.removingExtension
    let hasParts = folder.appending("Slidedat.ini").isFile
    switch path.extension {
    case "mrxs" where hasParts: break
    case "mrxs":
        throw FileError(
            path, expected: "the folder \(folder.name) of this MIRAX slide, with Slidedat.ini, next to it",
            found: folder.isFolder ? "a folder without Slidedat.ini" : "none; the .mrxs file is only its preview")
    case let other?:
        guard path.lowercasedExtension == "mrxs" || hasParts && ["jpg", "jpeg"].contains(path.lowercasedExtension)
        else {
            break
        }
        throw FileError(
            path, expected: "the name \(folder.name).mrxs, in lower case, for the preview of a MIRAX slide",
            found: "the extension .\(other); rename it")
    case nil: break
    }
}

/// Opens a file for 8-bit RGB rows. The extension selects the format: .png, .jpg or .jpeg. The file states the
/// `software` that wrote it.
///
/// Throws `unwritable` for another extension, a size that the format does not allow, or a folder that cannot be
/// written to.
package func openImageForWriting(
    _ path: FilePath, width: Int, height: Int, software: String = ""
) throws(FileError) -> any RowWriter {
    let fileExtension = path.extension ?? ""
    switch fileExtension.lowercased() {
    case "png": return try PNGWriter(path: path, width: width, height: height, channels: .rgb, software: software)
    case "jpg", "jpeg": return try JPEGWriter(path: path, width: width, height: height, software: software)
    default:
        let found = fileExtension.isEmpty ? "none" : ".\(fileExtension)"
        throw FileError(path, .unwritable, "expected the extension .png, .jpg or .jpeg, found \(found)")
    }
}

/// The first bytes of a file, as many as formats are told from.
func beginning(of path: FilePath) throws(FileError) -> [UInt8] {
    let file = try openForReading(path)
    return try FileError.reading(path) {
        try file.closeAfter {
            var bytes = [UInt8](repeating: 0, count: UnsupportedFormat.headLength)
            let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
            return Array(bytes.prefix(count))
        }
    }
}

/// Describes an unsupported file by its first bytes.
func description(ofBeginning head: [UInt8]) -> String {
    if head.isEmpty { return "an empty file" }
    if let format = UnsupportedFormat.of(head) { return format.description }
    let start = head.prefix(16)
    let isText = start.allSatisfy { (0x20...0x7E).contains($0) || (0x09...0x0D).contains($0) }
    let isHamamatsu = ["[Virtual Microscope", "[Uncompressed Virtual Microscope"].contains {
        head.starts(with: $0.utf8)
    }
    if isHamamatsu { return "the index of a Hamamatsu slide, of which a line cannot be parsed" }
    if isText { return "text" }
    let bytes = start.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
    return "a file that begins with the bytes \(bytes.joined(separator: " "))"
}
