import Tensors

extension TileSet {
    /// Lends some tiles as a Gaussian blur of `sigma` pixels leaves them, and where they lie; 0: as they are.
    package func withPixels<R>(
        of indices: [Int], blurredBy sigma: Double, _ body: (UnsafeRawBufferPointer, PixelWindows) throws -> R
    ) throws -> R {
        guard sigma > 0 else { return try withPixels { try body($0, windows(of: indices)) } }
        var blur = TileAugmentation()
        blur.blur = Float(sigma)
        let copies = windows(of: Array(indices.indices))
        let threads = Kernels.threadCount
        let scratch = Tensor([Kernels.augmentationScratchCount(copies, threads: threads)])
        let bytes = UnsafeMutableRawBufferPointer.allocate(
            byteCount: indices.count * Self.tileBytes, alignment: 64)
        defer { bytes.deallocate() }
        try withPixels {
            try Kernels.augment(
                bytes, $0, windows(of: indices), indices.map { _ in blur }, threads: threads, scratch: scratch)
        }
        return try body(UnsafeRawBufferPointer(bytes), copies)
    }
}
