import Foundations
import Imaging

/// Labels of 8 bits, until Imaging reads label images itself.
struct LabelImage {
    let width: Int
    let height: Int
    var labels: [UInt32]

    init(decoding path: FilePath) throws(FileError) {
        let image = try RGBImage(decoding: path)
        (width, height) = (image.width, image.height)
        labels = (0..<width * height).map { UInt32(image.pixels[3 * $0]) }
    }

    var nuclei: LabelImage { self }
}
