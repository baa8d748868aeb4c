import Foundations

/// The longest side, in pixels, of PNG files that common viewers and libraries open.
package let largestPNGSideForViewers = 65_535

/// Opens a file for the gray rows of a mask. The extension selects the format: .png, or .tif or .tiff for a pyramid.
/// `bits` is 8, or 1 for a PNG. Tiles of a TIFF are encoded on `threads`.
///
/// Throws `unwritable` for another extension, a PNG beyond `largestPNGSideForViewers`, or a folder that cannot be
/// written to.
package func openMaskForWriting(
    _ path: FilePath, width: Int, height: Int, bits: Int = 8, properties: TIFFWriter.Properties = .init(),
    threads: Int = 1, run: ConcurrentRun? = nil
) throws(FileError) -> any RowWriter {
    let fileExtension = path.extension ?? ""
    switch fileExtension.lowercased() {
    case "tif", "tiff":
        precondition(bits == 8, "a TIFF mask of \(bits) bits")
        return try TIFFWriter(
            path: path, width: width, height: height, samples: .gray, properties: properties, threads: threads,
            run: run)
    case "png":
        guard max(width, height) <= largestPNGSideForViewers else {
            throw FileError(
                path, .unwritable,
                "expected a PNG of at most \(largestPNGSideForViewers) px a side, beyond which viewers fail, found "
                    + "\(width) x \(height) px; a .tif pyramid has no such limit")
        }
        return try PNGWriter(
            path: path, width: width, height: height, channels: .gray, bits: bits, software: properties.software)
    default:
        let found = fileExtension.isEmpty ? "none" : ".\(fileExtension)"
        throw FileError(path, .unwritable, "expected the extension .png, .tif or .tiff, found \(found)")
    }
}
