import Imaging

/// The amounts of stain in the pixels of one block of an image, and the mask of its nuclei.
struct Canvas: Sendable {
    let rect: PixelRegion
    var hematoxylin: Plane
    var eosin: Plane
    var pigment: Plane
    /// 255 in nuclei, 0 elsewhere.
    var truth: [UInt8]

    init(_ rect: PixelRegion) {
        self.rect = rect
        hematoxylin = Plane(rect)
        eosin = Plane(rect)
        pigment = Plane(rect)
        truth = [UInt8](repeating: 0, count: rect.width * rect.height)
    }

    /// Calls `body` for every pixel of `blob` and its margin; see `Blob.forEachPixel`.
    @inline(__always)
    mutating func paint(
        _ blob: Blob, margin: Float, _ body: (_ canvas: inout Canvas, _ index: Int, _ depth: Float) -> Void
    ) {
        blob.forEachPixel(in: rect, margin: margin) { index, depth in body(&self, index, depth) }
    }
}
