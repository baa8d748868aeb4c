import CImageCodecs
import Foundations

/// A PNG or TIFF image whose rows are labels, `UInt32` each.
final class LabelReader: CodecReader {
    /// Reads the header. The content of the file selects the format. Throws `unreadable` or `malformed`.
    init(_ path: FilePath) throws(FileError) {
        let head = try beginning(of: path)
        if isPNG(head) {
            try super.init(path, format: "PNG label", open: cic_png_label_reader_open)
        } else if isTIFF(head) {
            try super.init(path, format: "TIFF label", open: cic_tiff_label_reader_open)
        } else {
            throw FileError(path, expected: "a PNG or TIFF label image", found: description(ofBeginning: head))
        }
    }
}
