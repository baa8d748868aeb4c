import CKernels

/// A two-dimensional, zero-padded cross-correlation of images with `channels` x `height` x `width` elements, and what
/// is done with its sums before they are stored: y = pool(relu(sum + addend)).
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
        let sums = try sumShape()
        guard pooling != .none else { return sums }
        if sums[1] < 2 || sums[2] < 2 { try KernelError.check(.badDimension) }
        return [filters, sums[1] / 2, sums[2] / 2]
    }

    /// The output's shape before pooling.
    package func sumShape() throws(KernelError) -> Shape {
        var (height, width) = (Int64(0), Int64(0))
        var d = dimensions(batch: 1)
        try KernelError.check(ck_conv2d_output_size(&height, &width, &d))
        return [filters, Int(height), Int(width)]
    }

    /// Floats that hold the signs of a batch, which a forward pass keeps for the backward passes: none unless `relu`
    /// is followed by pooling.
    package func signsCount(batch: Int) -> Int {
        guard relu, pooling != .none else { return 0 }
        var d = dimensions(batch: batch)
        return (ck_conv2d_signs(&d) + 3) / 4
    }

    /// Floats of scratch that the kernels need for a batch, with the number of threads set now.
    package func scratchCount(batch: Int) -> Int {
        var (d, tail) = (dimensions(batch: batch), tail())
        return ck_conv2d_scratch(&d, &tail)
    }

    func tail(addend: Tensor? = nil, signs: Tensor? = nil, y: Tensor? = nil) -> ck_conv2d_tail {
        let pooling: ck_pooling =
            switch pooling {
            case .none: .none
            case .mean: .mean
            case .maximum: .maximum
            }
        return ck_conv2d_tail(
            relu: relu, pooling: pooling, addend: addend?.pointer,
            signs: signs.map { UnsafeMutableRawPointer($0.pointer).assumingMemoryBound(to: UInt8.self) },
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
    /// y from x[N][C][H][W]. `addend` has the shape of the sums, `signs` room for as many floats as `signsCount` says;
    /// they are needed for a backward pass.
    package static func convolutionForward(
        _ y: Tensor, _ x: Tensor, weight: Tensor, bias: Tensor?, addend: Tensor? = nil, signs: Tensor? = nil,
        _ convolution: Convolution, scratch: Tensor
    ) throws(KernelError) {
        let batch = x.shape[0]
        expect(x, convolution.inputShape.batched(batch), "x")
        expect(weight, convolution.weightShape, "weight")
        if let bias { expect(bias, [convolution.filters], "bias") }
        let (output, sums) = (try convolution.outputShape(), try convolution.sumShape())
        expect(y, output.batched(batch), "y")
        if let addend { expect(addend, sums.batched(batch), "addend") }
        if let signs { expectRoom(signs, convolution, batch) }
        var (d, tail) = (convolution.dimensions(batch: batch), convolution.tail(addend: addend, signs: signs))
        try KernelError.check(
            ck_conv2d_forward(
                y.pointer, x.pointer, weight.pointer, bias?.pointer, &d, &tail, scratch.pointer, scratch.count))
    }

    /// gx[N][C][H][W] from gy, which has y's shape. Where there is a relu, with the signs that forward kept, or its
    /// y if nothing was pooled.
    package static func convolutionBackwardData(
        _ gx: Tensor, gy: Tensor, y: Tensor? = nil, signs: Tensor? = nil, weight: Tensor,
        _ convolution: Convolution, scratch: Tensor
    ) throws(KernelError) {
        let batch = gy.shape[0]
        expect(gx, convolution.inputShape.batched(batch), "gx")
        expect(weight, convolution.weightShape, "weight")
        try expectGradient(gy, y, signs, convolution, batch)
        var (d, tail) = (convolution.dimensions(batch: batch), convolution.tail(signs: signs, y: y))
        try KernelError.check(
            ck_conv2d_backward_data(
                gx.pointer, gy.pointer, weight.pointer, &d, &tail, scratch.pointer, scratch.count))
    }

    /// gweight[K][C][R][S] and gbias[K], summed over the batch; the rest as for the gradient by x.
    package static func convolutionBackwardWeight(
        _ gweight: Tensor, _ gbias: Tensor?, gy: Tensor, y: Tensor? = nil, signs: Tensor? = nil, _ x: Tensor,
        _ convolution: Convolution, scratch: Tensor
    ) throws(KernelError) {
        let batch = x.shape[0]
        expect(x, convolution.inputShape.batched(batch), "x")
        expect(gweight, convolution.weightShape, "gweight")
        if let gbias { expect(gbias, [convolution.filters], "gbias") }
        try expectGradient(gy, y, signs, convolution, batch)
        var (d, tail) = (convolution.dimensions(batch: batch), convolution.tail(signs: signs, y: y))
        try KernelError.check(
            ck_conv2d_backward_weight(
                gweight.pointer, gbias?.pointer, gy.pointer, x.pointer, &d, &tail, scratch.pointer, scratch.count))
    }

    private static func expectGradient(
        _ gy: Tensor, _ y: Tensor?, _ signs: Tensor?, _ convolution: Convolution, _ batch: Int
    ) throws(KernelError) {
        let output = try convolution.outputShape().batched(batch)
        expect(gy, output, "gy")
        if let y { expect(y, output, "y") }
        if let signs { expectRoom(signs, convolution, batch) }
    }

    private static func expectRoom(_ signs: Tensor, _ convolution: Convolution, _ batch: Int) {
        let needed = convolution.signsCount(batch: batch)
        precondition(signs.count >= needed, "signs: expected \(needed) floats or more, found \(signs.count)")
    }
}
