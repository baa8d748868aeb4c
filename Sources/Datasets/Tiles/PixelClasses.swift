import Foundations
import Tensors

/// The definition of the classes of pixels, from outlines of nuclei.
///
/// Widths are in microns and become whole pixels, at least one unless they are 0. Distances are those of a square
/// neighborhood: the eight neighbors of a pixel are at distance 1.
package struct PixelClasses: Equatable, Sendable {
    /// Microns per pixel of images whose resolution is unknown.
    package static let assumedMicronsPerPixel = 0.5

    /// The width of the ring inside each nucleus, along background and along other nuclei, that is boundary.
    package var ringInside = 0.5
    /// The width of the ring of background around each nucleus that is boundary.
    package var ringOutside = 0.0

    package init() {}

    /// The class of each pixel. Beyond the edges of the image, pixels count as being of the same nucleus.
    package func map(of nuclei: LabelMap, micronsPerPixel: Double?) -> [UInt8] {
        func pixels(_ width: Double) -> Int {
            width > 0 ? max(1, Int((width / (micronsPerPixel ?? Self.assumedMicronsPerPixel)).rounded())) : 0
        }
        let (inside, outside) = (pixels(ringInside), pixels(ringOutside))
        var map = nuclei.labels.map { $0 == 0 ? PixelClass.background.rawValue : PixelClass.interior.rawValue }
        for y in 0..<nuclei.height {
            for x in 0..<nuclei.width {
                let label = nuclei[x, y]
                let reach = label == 0 ? outside : inside
                if reach > 0, nuclei.hasOther(than: label, within: reach, of: x, y) {
                    map[y * nuclei.width + x] = PixelClass.boundary.rawValue
                }
            }
        }
        return map
    }
}
