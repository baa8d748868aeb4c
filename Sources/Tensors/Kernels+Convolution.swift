import CKernels

/// A two-dimensional, zero-padded cross-correlation of images with `channels` x `height` x `width` elements.
package struct Convolution: Hashable, Sendable {
    package var channels: Int
    package var height: Int
    package var width: Int
    package var filters: Int
    package var kernelHeight: Int
    package var kernelWidth: Int
    package var strideY = 1
    package var strideX = 1
    package var paddingY = 0
    package var paddingX = 0

    package init(
        channels: Int, height: Int, width: Int, filters: Int, kernel: (height: Int, width: Int),
        stride: (y: Int, x: Int) = (1, 1), padding: (y: Int, x: Int) = (0, 0)
    ) {
        self.channels = channels
        self.height = height
        self.width = width
        self.filters = filters
        kernelHeight = kernel.height
        kernelWidth = kernel.width
        (strideY, strideX) = stride
        (paddingY, paddingX) = padding
    }

    package var inputShape: Shape { [channels, height, width] }
    package var weightShape: Shape { [filters, channels, kernelHeight, kernelWidth] }

    /// Filters x output height x output width. Throws when the kernel is larger than the padded image.
    package func outputShape() throws(KernelError) -> Shape {
        var (height, width) = (Int64(0), Int64(0))
        var d = dimensions(batch: 1)
        try KernelError.check(ck_conv2d_output_size(&height, &width, &d))
        return [filters, Int(height), Int(width)]
    }

    /// Floats of scratch that the kernels need for a batch, with the number of threads set now.
    package func scratchCount(batch: Int) -> Int {
        var d = dimensions(batch: batch)
        return ck_conv2d_scratch(&d)
    }

    func dimensions(batch: Int) -> ck_conv2d {
        ck_conv2d(
            n: Int64(batch), c: Int64(channels), h: Int64(height), w: Int64(width), k: Int64(filters),
            r: Int64(kernelHeight), s: Int64(kernelWidth), stride_h: Int64(strideY), stride_w: Int64(strideX),
            pad_h: Int64(paddingY), pad_w: Int64(paddingX))
    }
}

extension Kernels {
    /// y[N][K][OH][OW] from x[N][C][H][W].
    package static func convolutionForward(
        _ y: Tensor, _ x: Tensor, weight: Tensor, bias: Tensor?, _ convolution: Convolution, scratch: Tensor
    ) throws(KernelError) {
        let batch = x.shape[0]
        expect(x, convolution.inputShape.batched(batch), "x")
        expect(weight, convolution.weightShape, "weight")
        if let bias { expect(bias, [convolution.filters], "bias") }
        let output = try convolution.outputShape()
        expect(y, output.batched(batch), "y")
        var d = convolution.dimensions(batch: batch)
        try KernelError.check(
            ck_conv2d_forward(y.pointer, x.pointer, weight.pointer, bias?.pointer, &d, scratch.pointer, scratch.count))
    }

    /// gx[N][C][H][W] from gy[N][K][OH][OW].
    package static func convolutionBackwardData(
        _ gx: Tensor, gy: Tensor, weight: Tensor, _ convolution: Convolution, scratch: Tensor
    ) throws(KernelError) {
        let batch = gy.shape[0]
        expect(gx, convolution.inputShape.batched(batch), "gx")
        expect(weight, convolution.weightShape, "weight")
        let output = try convolution.outputShape()
        expect(gy, output.batched(batch), "gy")
        var d = convolution.dimensions(batch: batch)
        try KernelError.check(
            ck_conv2d_backward_data(gx.pointer, gy.pointer, weight.pointer, &d, scratch.pointer, scratch.count))
    }

    /// gweight[K][C][R][S] and gbias[K], summed over the batch.
    package static func convolutionBackwardWeight(
        _ gweight: Tensor, _ gbias: Tensor?, gy: Tensor, _ x: Tensor, _ convolution: Convolution, scratch: Tensor
    ) throws(KernelError) {
        let batch = x.shape[0]
        expect(x, convolution.inputShape.batched(batch), "x")
        expect(gweight, convolution.weightShape, "gweight")
        if let gbias { expect(gbias, [convolution.filters], "gbias") }
        let output = try convolution.outputShape()
        expect(gy, output.batched(batch), "gy")
        var d = convolution.dimensions(batch: batch)
        try KernelError.check(
            ck_conv2d_backward_weight(
                gweight.pointer, gbias?.pointer, gy.pointer, x.pointer, &d, scratch.pointer, scratch.count))
    }
}
