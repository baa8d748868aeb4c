import CKernels

extension Kernels {
    /// y[N][C][H][W] = skip + x[N][C][⌈H/2⌉][⌈W/2⌉], with each element of `x` repeated 2 x 2 times. `y` may be `skip`.
    package static func upsampleAddForward(_ y: Tensor, skip: Tensor, _ x: Tensor) throws(KernelError) {
        expect(skip, y.shape, "skip")
        expect(x, halved(y.shape), "x")
        try KernelError.check(
            ck_upsample_add_forward(
                y.pointer, skip.pointer, x.pointer, Int64(y.shape[0] * y.shape[1]), Int64(y.shape[2]),
                Int64(y.shape[3])))
    }

    /// Gradient with respect to `x` of `upsampleAddForward`. The gradient with respect to `skip` is `gy`.
    package static func upsampleAddBackward(_ gx: Tensor, gy: Tensor) throws(KernelError) {
        expect(gx, halved(gy.shape), "gx")
        try KernelError.check(
            ck_upsample_add_backward(
                gx.pointer, gy.pointer, Int64(gy.shape[0] * gy.shape[1]), Int64(gy.shape[2]), Int64(gy.shape[3])))
    }

    /// y[N][C][2 H][2 W] from x[N][4 C][H][W]: four channels become the pixels of 2 x 2 squares, as
    /// `torch.nn.PixelShuffle(2)`.
    package static func pixelShuffleForward(_ y: Tensor, _ x: Tensor) throws(KernelError) {
        expect(y, shuffled(x.shape), "y")
        try KernelError.check(
            ck_pixel_shuffle_forward(
                y.pointer, x.pointer, Int64(y.shape[0] * y.shape[1]), Int64(x.shape[2]), Int64(x.shape[3])))
    }

    /// Gradient with respect to `x` of `pixelShuffleForward`.
    package static func pixelShuffleBackward(_ gx: Tensor, gy: Tensor) throws(KernelError) {
        expect(gy, shuffled(gx.shape), "gy")
        try KernelError.check(
            ck_pixel_shuffle_backward(
                gx.pointer, gy.pointer, Int64(gy.shape[0] * gy.shape[1]), Int64(gx.shape[2]), Int64(gx.shape[3])))
    }

    private static func shuffled(_ shape: Shape) -> Shape { [shape[0], shape[1] / 4, 2 * shape[2], 2 * shape[3]] }

    private static func halved(_ shape: Shape) -> Shape {
        [shape[0], shape[1], (shape[2] + 1) / 2, (shape[3] + 1) / 2]
    }
}
