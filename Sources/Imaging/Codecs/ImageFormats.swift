import Foundations

/// Opens an image. Its content, not its name, selects the format: PNG, JPEG, or any format that OpenSlide recognizes.
///
/// A slide is read at full resolution; `damage` selects what happens where it cannot be decoded. Throws `unreadable` where
/// the file is missing or may not be read, and `malformed` for other formats and damaged headers.
package func openImage(_ path: FilePath, damage: Damage = .stops) throws(FileError) -> any RowReader {
    let head = try beginning(of: path)
    if head.starts(with: [0x89, 0x50, 0x4E, 0x47]) { return try PNGReader(path) }
    // The index file of a MIRAX slide is a JPEG thumbnail, distinguished by its name and a folder of the same name.
    let isJPEG = head.starts(with: [0xFF, 0xD8, 0xFF])
    if isJPEG, path.lowercasedExtension != "mrxs" { return try JPEGReader(path) }
    if !head.isEmpty, slideVendor(path) != nil { return try SlideReader(Slide(path), damage: damage) }
    if isJPEG { return try JPEGReader(path) }
    throw FileError(path, expected: "a PNG, JPEG or whole-slide image", found: description(ofBeginning: head))
}

/// Opens a file for 8-bit RGB rows. The extension selects the format: .png, .jpg or .jpeg.
///
/// Throws `unwritable` for another extension, a size that the format does not allow, or a folder that cannot be
/// written to.
package func openImageForWriting(_ path: FilePath, width: Int, height: Int) throws(FileError) -> any RowWriter {
    let fileExtension = path.extension ?? ""
    switch fileExtension.lowercased() {
    case "png": return try PNGWriter(path: path, width: width, height: height, channels: .rgb)
    case "jpg", "jpeg": return try JPEGWriter(path: path, width: width, height: height)
    default:
        let found = fileExtension.isEmpty ? "none" : ".\(fileExtension)"
        throw FileError(path, .unwritable, "expected the extension .png, .jpg or .jpeg, found \(found)")
    }
}

/// The first bytes of a file, at most 16.
private func beginning(of path: FilePath) throws(FileError) -> [UInt8] {
    let file = try openForReading(path)
    return try FileError.reading(path) {
        try file.closeAfter {
            var bytes = [UInt8](repeating: 0, count: 16)
            let count = try bytes.withUnsafeMutableBytes { try file.read(into: $0) }
            return Array(bytes.prefix(count))
        }
    }
}

/// Describes an unsupported file by its first bytes.
private func description(ofBeginning head: [UInt8]) -> String {
    let known: [(String, [UInt8])] = [
        ("a TIFF image that OpenSlide does not recognize", [0x49, 0x49, 0x2A, 0]),
        ("a TIFF image that OpenSlide does not recognize", [0x4D, 0x4D, 0, 0x2A]),
        ("a TIFF image that OpenSlide does not recognize", [0x49, 0x49, 0x2B, 0]),
        ("a TIFF image that OpenSlide does not recognize", [0x4D, 0x4D, 0, 0x2B]),
        ("a GIF image", Array("GIF8".utf8)),
        ("a BMP image", Array("BM".utf8)),
        ("a JPEG 2000 image", [0, 0, 0, 0x0C, 0x6A, 0x50]),
        ("a PDF document", Array("%PDF".utf8)),
        ("a ZIP archive", [0x50, 0x4B, 0x03, 0x04]),
    ]
    if head.isEmpty { return "an empty file" }
    if let match = known.first(where: { head.starts(with: $0.1) }) { return match.0 }
    if head.starts(with: Array("RIFF".utf8)), head.dropFirst(8).starts(with: Array("WEBP".utf8)) {
        return "a WebP image"
    }
    let isText = head.allSatisfy { (0x20...0x7E).contains($0) || (0x09...0x0D).contains($0) }
    if isText { return "text" }
    let bytes = head.prefix(4).map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: true) }
    return "a file that begins with the bytes \(bytes.joined(separator: " "))"
}
