import CKernels

/// A two-dimensional, zero-padded cross-correlation of images with `channels` x `height` x `width` elements, and what
/// is done with its sums before they are stored: y = pool(relu(sum + residual)).
package struct Convolution: Hashable, Sendable {
    /// What becomes of blocks of 2 x 2 outputs; an odd last row or column is left out.
    package enum Pooling: Sendable {
        case none, mean
        /// Has no backward pass here.
        case maximum
    }

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
    /// max(v, 0)
    package var relu = false
    package var pooling = Pooling.none

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

    /// Filters x output height x output width. Throws when the kernel is larger than the padded image, or there is
    /// not one whole block to pool.
    package func outputShape() throws(KernelError) -> Shape {
        let sums = try unpooledShape()
        guard pooling != .none else { return sums }
        if sums[1] < 2 || sums[2] < 2 { try KernelError.check(.badDimension) }
        return [filters, sums[1] / 2, sums[2] / 2]
    }

    /// The output's shape before pooling.
    package func unpooledShape() throws(KernelError) -> Shape {
        var (height, width) = (Int64(0), Int64(0))
        var d = dimensions(batch: 1)
        try KernelError.check(ck_conv2d_output_size(&height, &width, &d))
        return [filters, Int(height), Int(width)]
    }

    /// Floats of the ReLU mask that a forward pass stores for the backward passes of a batch: 0 unless `relu`
    /// is followed by pooling.
    package func reluMaskCount(batch: Int) -> Int {
        guard relu, pooling != .none else { return 0 }
        var d = dimensions(batch: batch)
        return (ck_conv2d_relu_mask_bytes(&d) + 3) / 4
    }

    /// Floats of scratch that the kernels need for a batch, with the number of threads set now.
    package func scratchCount(batch: Int) -> Int {
        var (d, epilogue) = (dimensions(batch: batch), epilogue())
        return ck_conv2d_scratch(&d, &epilogue)
    }

    func epilogue(residual: Tensor? = nil, reluMask: Tensor? = nil, y: Tensor? = nil) -> ck_conv2d_epilogue {
        let pooling: ck_pooling =
            switch pooling {
            case .none: .none
            case .mean: .mean
            case .maximum: .maximum
            }
        return ck_conv2d_epilogue(
            relu: relu, pooling: pooling, residual: residual?.pointer,
            relu_mask: reluMask.map { UnsafeMutableRawPointer($0.pointer).assumingMemoryBound(to: UInt8.self) },
            y: y?.pointer)
    }

    func dimensions(batch: Int) -> ck_conv2d {
        ck_conv2d(
            n: Int64(batch), c: Int64(channels), h: Int64(height), w: Int64(width), k: Int64(filters),
            r: Int64(kernelHeight), s: Int64(kernelWidth), stride_h: Int64(strideY), stride_w: Int64(strideX),
            pad_h: Int64(paddingY), pad_w: Int64(paddingX))
    }
}

extension Kernels {
    /// y from x[N][C][H][W]. `residual` has the shape of the sums, `reluMask` room for as many floats as `reluMaskCount` says;
    /// they are needed for a backward pass.
    package static func convolutionForward(
        _ y: Tensor, _ x: Tensor, weight: Tensor, bias: Tensor?, residual: Tensor? = nil, reluMask: Tensor? = nil,
        _ convolution: Convolution, scratch: Tensor
    ) throws(KernelError) {
        let batch = x.shape[0]
        expect(x, convolution.inputShape.batched(batch), "x")
        expect(weight, convolution.weightShape, "weight")
        if let bias { expect(bias, [convolution.filters], "bias") }
        let (output, sums) = (try convolution.outputShape(), try convolution.unpooledShape())
        expect(y, output.batched(batch), "y")
        if let residual { expect(residual, sums.batched(batch), "residual") }
        if let reluMask { expectRoom(reluMask, convolution, batch) }
        var (d, epilogue) = (
            convolution.dimensions(batch: batch), convolution.epilogue(residual: residual, reluMask: reluMask)
        )
        try KernelError.check(
            ck_conv2d_forward(
                y.pointer, x.pointer, weight.pointer, bias?.pointer, &d, &epilogue, scratch.pointer, scratch.count))
    }

    /// gx[N][C][H][W] from gy, which has y's shape. With a ReLU: the mask that forward stored, or its
    /// y if nothing was pooled.
    package static func convolutionBackwardData(
        _ gx: Tensor, gy: Tensor, y: Tensor? = nil, reluMask: Tensor? = nil, weight: Tensor,
        _ convolution: Convolution, scratch: Tensor
    ) throws(KernelError) {
        let batch = gy.shape[0]
        expect(gx, convolution.inputShape.batched(batch), "gx")
        expect(weight, convolution.weightShape, "weight")
        try expectGradient(gy, y, reluMask, convolution, batch)
        var (d, epilogue) = (convolution.dimensions(batch: batch), convolution.epilogue(reluMask: reluMask, y: y))
        try KernelError.check(
            ck_conv2d_backward_data(
                gx.pointer, gy.pointer, weight.pointer, &d, &epilogue, scratch.pointer, scratch.count))
    }

    /// gweight[K][C][R][S] and gbias[K], summed over the batch; the rest as for the gradient by x.
    package static func convolutionBackwardWeight(
        _ gweight: Tensor, _ gbias: Tensor?, gy: Tensor, y: Tensor? = nil, reluMask: Tensor? = nil, _ x: Tensor,
        _ convolution: Convolution, scratch: Tensor
    ) throws(KernelError) {
        let batch = x.shape[0]
        expect(x, convolution.inputShape.batched(batch), "x")
        expect(gweight, convolution.weightShape, "gweight")
        if let gbias { expect(gbias, [convolution.filters], "gbias") }
        try expectGradient(gy, y, reluMask, convolution, batch)
        var (d, epilogue) = (convolution.dimensions(batch: batch), convolution.epilogue(reluMask: reluMask, y: y))
        try KernelError.check(
            ck_conv2d_backward_weight(
                gweight.pointer, gbias?.pointer, gy.pointer, x.pointer, &d, &epilogue, scratch.pointer, scratch.count))
    }

    private static func expectGradient(
        _ gy: Tensor, _ y: Tensor?, _ reluMask: Tensor?, _ convolution: Convolution, _ batch: Int
    ) throws(KernelError) {
        let output = try convolution.outputShape().batched(batch)
        expect(gy, output, "gy")
        if let y { expect(y, output, "y") }
        if let reluMask { expectRoom(reluMask, convolution, batch) }
    }

    private static func expectRoom(_ reluMask: Tensor, _ convolution: Convolution, _ batch: Int) {
        let needed = convolution.reluMaskCount(batch: batch)
        precondition(reluMask.count >= needed, "reluMask: expected \(needed) floats or more, found \(reluMask.count)")
    }
}
