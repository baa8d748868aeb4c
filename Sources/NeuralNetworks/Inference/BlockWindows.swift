import Tensors

/// Windows of a block of pixels: interleaved 8-bit RGB, rows without padding.
package struct BlockWindows {
    package let bytes: UnsafeRawBufferPointer
    package let width: Int
    package let height: Int
    /// Upper left pixels of the windows, relative to the block.
    package let corners: [(x: Int, y: Int)]

    package init(bytes: UnsafeRawBufferPointer, width: Int, height: Int, corners: [(x: Int, y: Int)]) {
        precondition(bytes.count >= width * height * 3)
        (self.bytes, self.width, self.height, self.corners) = (bytes, width, height, corners)
    }

    /// The kernels' description of rectangles of one size in this block.
    func pixels(width: Int, height: Int, at corners: [(x: Int, y: Int)]) -> PixelWindows {
        PixelWindows(
            height: height, width: width, rowStride: self.width * 3,
            offsets: corners.map { Int64(($0.y * self.width + $0.x) * 3) })
    }
}
