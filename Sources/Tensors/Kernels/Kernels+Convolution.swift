import CKernels

/// Two-dimensional, zero-padded cross-correlation of images with `channels` x `height` x `width` elements, with a fused
/// epilogue: y = pool(relu(convolution + residual)).
package struct Convolution: Hashable, Sendable {
    /// Reduction of each block of 2 x 2 outputs to one value. An odd last row or column is dropped.
    package enum Pooling: Sendable {
        case none, mean
        /// Forward only.
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

    /// Output shape: filters x height x width. Throws `badDimension` when the kernel is larger than the padded image, or
    /// when pooling has no complete block.
    package func outputShape() throws(KernelError) -> Shape {
        let unpooled = try unpooledShape()
        guard pooling != .none else { return unpooled }
        if unpooled[1] < 2 || unpooled[2] < 2 { try KernelError.check(.badDimension) }
        return [filters, unpooled[1] / 2, unpooled[2] / 2]
    }

    /// Shape of the output before pooling: filters x height x width.
    package func unpooledShape() throws(KernelError) -> Shape {
        var (height, width) = (Int64(0), Int64(0))
        var d = dimensions(batch: 1)
        try KernelError.check(ck_conv2d_output_size(&height, &width, &d))
        return [filters, Int(height), Int(width)]
    }

    /// Floats of the ReLU mask that a forward pass stores for the backward passes of a batch: 0 unless `relu` is followed
    /// by pooling.
    package func reluMaskCount(batch: Int) -> Int {
        guard relu, pooling != .none else { return 0 }
        var d = dimensions(batch: batch)
        return (ck_conv2d_relu_mask_bytes(&d) + 3) / 4
    }

    /// Floats of scratch that the kernels need for a batch with the current number of threads and algorithm.
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
    /// Forward pass: y[N] + `outputShape` from x[N][C][H][W].
    ///
    /// - Parameters:
    ///   - residual: Added before ReLU: [N] + `unpooledShape`. Not with pooling.
    ///   - reluMask: Receives the mask that the backward passes need: `reluMaskCount` floats or more. Nil for inference.
    package static func convolutionForward(
        _ y: Tensor, _ x: Tensor, weight: Tensor, bias: Tensor?, residual: Tensor? = nil, reluMask: Tensor? = nil,
        _ convolution: Convolution, scratch: Tensor
    ) throws(KernelError) {
        let batch = x.shape[0]
        expect(x, convolution.inputShape.batched(batch), "x")
        expect(weight, convolution.weightShape, "weight")
        if let bias { expect(bias, [convolution.filters], "bias") }
        let (output, unpooled) = (try convolution.outputShape(), try convolution.unpooledShape())
        expect(y, output.batched(batch), "y")
        if let residual { expect(residual, unpooled.batched(batch), "residual") }
        if let reluMask { expectCapacity(reluMask, convolution, batch) }
        var (d, epilogue) = (
            convolution.dimensions(batch: batch), convolution.epilogue(residual: residual, reluMask: reluMask)
        )
        try KernelError.check(
            ck_conv2d_forward(
                y.pointer, x.pointer, weight.pointer, bias?.pointer, &d, &epilogue, scratch.pointer, scratch.count))
    }

    /// Gradient with respect to the input: gx[N][C][H][W] from gy, which has the shape of y.
    ///
    /// - Parameters:
    ///   - y: Output of the forward pass. Required with ReLU and without pooling.
    ///   - reluMask: Mask that the forward pass stored. Required with ReLU and pooling.
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

    /// Gradients with respect to the weights and the bias: gweight[K][C][R][S] and gbias[K], summed over the batch. `y` and
    /// `reluMask` as in `convolutionBackwardData`.
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
        if let reluMask { expectCapacity(reluMask, convolution, batch) }
    }

    private static func expectCapacity(_ reluMask: Tensor, _ convolution: Convolution, _ batch: Int) {
        let needed = convolution.reluMaskCount(batch: batch)
        precondition(reluMask.count >= needed, "reluMask: expected \(needed) floats or more, found \(reluMask.count)")
    }
}
