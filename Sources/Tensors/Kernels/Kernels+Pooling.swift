import CKernels

/// Geometry of pooling over images of `channels` x `height` x `width`. Padding is never the maximum; average pooling has
/// none.
package struct Pooling: Hashable, Sendable {
    package var channels: Int
    package var height: Int
    package var width: Int
    package var windowHeight: Int
    package var windowWidth: Int
    package var strideY: Int
    package var strideX: Int
    package var paddingY: Int
    package var paddingX: Int

    package init(
        channels: Int, height: Int, width: Int, window: (height: Int, width: Int), stride: (y: Int, x: Int),
        padding: (y: Int, x: Int) = (0, 0)
    ) {
        self.channels = channels
        self.height = height
        self.width = width
        windowHeight = window.height
        windowWidth = window.width
        (strideY, strideX) = stride
        (paddingY, paddingX) = padding
    }

    package var inputShape: Shape { [channels, height, width] }

    /// Shape of the output. Throws `badDimension` when the window is larger than the padded image, or not larger than the
    /// padding.
    package func outputShape() throws(KernelError) -> Shape {
        var (height, width) = (Int64(0), Int64(0))
        var d = dimensions(batch: 1)
        try KernelError.check(ck_pool2d_output_size(&height, &width, &d))
        return [channels, Int(height), Int(width)]
    }

    func dimensions(batch: Int) -> ck_pool2d {
        ck_pool2d(
            n: Int64(batch), c: Int64(channels), h: Int64(height), w: Int64(width), r: Int64(windowHeight),
            s: Int64(windowWidth), stride_h: Int64(strideY), stride_w: Int64(strideX), pad_h: Int64(paddingY),
            pad_w: Int64(paddingX))
    }

    fileprivate func checked(x: Tensor, y: Tensor) throws(KernelError) -> ck_pool2d {
        let batch = x.shape[0]
        Kernels.expect(x, inputShape.batched(batch), "input")
        let output = try outputShape()
        Kernels.expect(y, output.batched(batch), "output")
        return dimensions(batch: batch)
    }
}

extension Kernels {
    /// y[N][C][OH][OW]: mean of each window of x[N][C][H][W].
    package static func averagePoolForward(_ y: Tensor, _ x: Tensor, _ pooling: Pooling) throws(KernelError) {
        var d = try pooling.checked(x: x, y: y)
        try KernelError.check(ck_avg_pool2d_forward(y.pointer, x.pointer, &d))
    }

    /// gx[N][C][H][W] from gy[N][C][OH][OW].
    package static func averagePoolBackward(_ gx: Tensor, gy: Tensor, _ pooling: Pooling) throws(KernelError) {
        var d = try pooling.checked(x: gx, y: gy)
        try KernelError.check(ck_avg_pool2d_backward(gx.pointer, gy.pointer, &d))
    }

    /// y[N][C][OH][OW]: maximum of each window of x[N][C][H][W]. A window with a NaN gives NaN.
    package static func maxPoolForward(_ y: Tensor, _ x: Tensor, _ pooling: Pooling) throws(KernelError) {
        var d = try pooling.checked(x: x, y: y)
        try KernelError.check(ck_max_pool2d_forward(y.pointer, x.pointer, &d))
    }

    /// gx[N][C][H][W] from gy[N][C][OH][OW]. The gradient goes to the first maximum of each window of `x`.
    package static func maxPoolBackward(_ gx: Tensor, gy: Tensor, _ x: Tensor, _ pooling: Pooling) throws(KernelError) {
        var d = try pooling.checked(x: gx, y: gy)
        expect(x, gx.shape, "x")
        try KernelError.check(ck_max_pool2d_backward(gx.pointer, gy.pointer, x.pointer, &d))
    }

    /// y[N][2][C]: mean of each plane of x[N][C][H][W], then maximum of each plane; without `maximum`, y[N][C] of means.
    package static func globalPoolForward(_ y: Tensor, _ x: Tensor, maximum: Bool) throws(KernelError) {
        let (batch, channels) = (x.shape[0], x.shape[1])
        expect(y, [batch, maximum ? 2 : 1, channels], "y")
        try KernelError.check(
            ck_global_pool_forward(
                y.pointer, x.pointer, Int64(batch), Int64(channels), Int64(x.shape.sample.sample.count), maximum))
    }

    /// gx[N][C][H][W] from gy of the shape of y. The gradient of a maximum goes to its first place in `x`.
    package static func globalPoolBackward(
        _ gx: Tensor, gy: Tensor, _ x: Tensor, maximum: Bool
    ) throws(KernelError) {
        let (batch, channels) = (x.shape[0], x.shape[1])
        expect(gx, x.shape, "gx")
        expect(gy, [batch, maximum ? 2 : 1, channels], "gy")
        try KernelError.check(
            ck_global_pool_backward(
                gx.pointer, gy.pointer, x.pointer, Int64(batch), Int64(channels),
                Int64(x.shape.sample.sample.count), maximum))
    }
}
