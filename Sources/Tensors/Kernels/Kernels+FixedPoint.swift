import CKernels

/// A convolution in 16-bit fixed point, for inference: of square kernels of 3 with a padding of 1, or of 1.
///
/// An integer of an image stands for that number times the image's scale. A tensor of such an image has one element for each
/// place and pair of channels, [N][⌈C/2⌉][H][W], which holds both integers. Results are the same bit for bit with every
/// instruction set.
package struct FixedPointConvolution: Hashable, Sendable {
    /// The largest magnitude of an integer.
    package static let largest = Int(CK_FIXED_LARGEST)

    /// Whether the processor and the selected instruction set compute in fixed point faster than with floats.
    package static var isFast: Bool { ck_fixed_is_fast() }

    package var channels: Int
    package var filters: Int
    /// 1 or 3.
    package var kernel: Int
    /// 1 or 2.
    package var stride: Int
    /// max(v, 0)
    package var relu: Bool
    /// The value of 1 in the input.
    package var inputScale: Float
    /// The value of 1 in the output; nil for an output of floats.
    package var outputScale: Float?

    package init(
        channels: Int, filters: Int, kernel: Int, stride: Int, relu: Bool, inputScale: Float, outputScale: Float?
    ) {
        // 0 stands for floats in the kernels.
        precondition(outputScale.map { $0 > 0 } ?? true, "a scale of \(outputScale!)")
        self.channels = channels
        self.filters = filters
        self.kernel = kernel
        self.stride = stride
        self.relu = relu
        self.inputScale = inputScale
        self.outputScale = outputScale
    }

    /// Channels in pairs.
    package static func pairs(of channels: Int) -> Int { (channels + 1) / 2 }

    /// Shape of one sample of the output, for an input of ⌈C/2⌉ x height x width.
    package func outputShape(for input: Shape) -> Shape {
        let planes = outputScale == nil ? filters : Self.pairs(of: filters)
        return [planes, (input[1] - 1) / stride + 1, (input[2] - 1) / stride + 1]
    }

    /// Elements of a tensor of packed weights.
    package var packedCount: Int {
        var d = geometry(batch: 1, [1, 1, 1])
        return ck_fixed_conv2d_packed_bytes(&d) / MemoryLayout<Float>.stride
    }

    /// Elements of scratch for a batch of images of the given shape, with the current number of threads.
    package func scratchCount(batch: Int, _ input: Shape) -> Int {
        var d = geometry(batch: batch, input)
        return ck_fixed_conv2d_scratch(&d) / MemoryLayout<Float>.stride
    }

    fileprivate func geometry(batch: Int, _ input: Shape) -> ck_fixed_conv2d {
        ck_fixed_conv2d(
            n: Int64(batch), c: Int64(channels), h: Int64(input[1]), w: Int64(input[2]), k: Int64(filters),
            kernel: Int64(kernel), stride: Int64(stride), relu: relu, input_scale: inputScale,
            output_scale: outputScale ?? 0)
    }
}

extension Kernels {
    /// Rounds weights [K][C][kernel][kernel] so that no sum can overflow, and packs them with the biases. Throws
    /// `badParameter` when a weight, a bias or a scale is not finite.
    package static func packFixedPoint(
        _ packed: Tensor, weight: Tensor, bias: Tensor?, _ convolution: FixedPointConvolution
    ) throws(KernelError) {
        let kernel = convolution.kernel
        expect(weight, [convolution.filters, convolution.channels, kernel, kernel], "weight")
        if let bias { expect(bias, [convolution.filters], "bias") }
        expect(packed, [convolution.packedCount], "packed")
        var d = convolution.geometry(batch: 1, [1, 1, 1])
        try KernelError.check(ck_fixed_conv2d_pack(packed.pointer, weight.pointer, bias?.pointer, &d))
    }

    /// The convolution of pairs x[N][⌈C/2⌉][H][W] with packed weights: pairs or floats y of `outputShape`.
    package static func fixedPointForward(
        _ y: Tensor, _ x: Tensor, packed: Tensor, _ convolution: FixedPointConvolution, scratch: Tensor
    ) throws(KernelError) {
        let (batch, input) = (x.shape[0], x.shape.sample)
        precondition(input[0] == FixedPointConvolution.pairs(of: convolution.channels), "x is \(x.shape)")
        expect(packed, [convolution.packedCount], "packed")
        expect(y, convolution.outputShape(for: input).batched(batch), "y")
        var d = convolution.geometry(batch: batch, input)
        try KernelError.check(
            ck_fixed_conv2d_forward(
                y.pointer, x.integers, packed.pointer, &d, scratch.pointer, scratch.count * MemoryLayout<Float>.stride))
    }

    /// Pairs [N][2][H][W] of the windows that `normalize` would give, in units of `scale`.
    package static func normalizeFixedPoint(
        _ pairs: Tensor, _ bytes: RawSpan, _ windows: PixelWindows, _ statistics: ChannelStatistics, scale: Float
    ) throws(KernelError) {
        expect(pairs, [windows.offsets.count, 2, windows.height, windows.width], "pairs")
        var d = windows.checked(within: bytes)
        try KernelError.check(
            bytes.withBytes {
                ck_fixed_normalize_windows(
                    pairs.integers, $0, windows.offsets, statistics.mean, statistics.deviation, scale, &d)
            })
    }

    /// `upsampleAddForward` for pairs of the same scale. Sums are limited to the largest integer.
    package static func fixedPointUpsampleAdd(_ y: Tensor, skip: Tensor, _ x: Tensor) throws(KernelError) {
        expect(skip, y.shape, "skip")
        expect(x, [y.shape[0], y.shape[1], (y.shape[2] + 1) / 2, (y.shape[3] + 1) / 2], "x")
        try KernelError.check(
            ck_fixed_upsample_add(
                y.integers, skip.integers, x.integers, Int64(y.shape[0] * y.shape[1]), Int64(y.shape[2]),
                Int64(y.shape[3])))
    }
}

extension Tensor {
    /// The memory of a tensor of pairs of integers.
    fileprivate var integers: UnsafeMutablePointer<Int16> {
        UnsafeMutableRawPointer(pointer).assumingMemoryBound(to: Int16.self)
    }
}
