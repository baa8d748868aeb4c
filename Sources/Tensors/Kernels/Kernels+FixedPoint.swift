import CKernels

/// A convolution in 16-bit fixed point, for inference: y = pool(relu(convolution(x) + bias + residual)).
///
/// An integer of an image stands for that number times the image's scale. A tensor of such an image has one element for
/// each place and pair of channels, [N][⌈C/2⌉][H][W], which holds both integers. Results are the same bit for bit with
/// every instruction set, and for every part of an image.
package struct FixedPointConvolution: Hashable, Sendable {
    /// The largest magnitude of an integer.
    package static let largest = Int(CK_FIXED_LARGEST)

    /// Whether the processor and the selected instruction set compute in fixed point faster than with floats.
    package static var isFast: Bool { ck_fixed_is_fast() }

    package var channels: Int
    package var filters: Int
    /// Rows and columns: 1, 3, 5, 7 or 9.
    package var kernel: Int
    package var stride = 1
    /// The horizontal stride, if it differs from the vertical one.
    package var columnStride: Int?
    package var padding = 0
    /// max(v, 0)
    package var relu = false
    /// Whether each block of 2 x 2 outputs is reduced to its maximum. Outputs must be integers, without a residual.
    package var maxPooling = false
    /// The value of 1 in the input.
    package var inputScale: Float
    /// The value of 1 in the output; nil for an output of floats.
    package var outputScale: Float?
    /// The value of 1 in the residual; nil if there is none.
    package var residualScale: Float?

    package init(channels: Int, filters: Int, kernel: Int, inputScale: Float, outputScale: Float?) {
        self.channels = channels
        self.filters = filters
        self.kernel = kernel
        self.inputScale = inputScale
        self.outputScale = outputScale
    }

    /// Whether there is a kernel for it: weights can be rounded so that no sum overflows.
    package var isSupported: Bool { packedCount > 0 }

    /// Whether Winograd's transforms compute it.
    package var isTransformed: Bool {
        var d = geometry(batch: 1, [1, 1, 1])
        return ck_fixed_conv2d_is_transformed(&d)
    }

    /// Channels in pairs.
    package static func pairs(of channels: Int) -> Int { (channels + 1) / 2 }

    /// Rows and columns before pooling, for an input of ⌈C/2⌉ x height x width.
    private func sums(for input: Shape) -> (rows: Int, columns: Int) {
        let (height, width) = (input[1] + 2 * padding - kernel, input[2] + 2 * padding - kernel)
        return (height < 0 ? 0 : height / stride + 1, width < 0 ? 0 : width / (columnStride ?? stride) + 1)
    }

    /// Shape of a sample of the residual: the pairs of outputs before pooling.
    package func residualShape(for input: Shape) -> Shape {
        let (rows, columns) = sums(for: input)
        return [Self.pairs(of: filters), rows, columns]
    }

    /// Shape of one sample of the output, for an input of ⌈C/2⌉ x height x width. Empty where the kernel does not fit.
    package func outputShape(for input: Shape) -> Shape {
        let planes = outputScale == nil ? filters : Self.pairs(of: filters)
        let (rows, columns) = sums(for: input)
        return maxPooling ? [planes, rows / 2, columns / 2] : [planes, rows, columns]
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
        // 0 stands for floats, or for no residual, in the kernels.
        precondition((outputScale ?? 1) > 0 && (residualScale ?? 1) > 0, "a scale of 0 or less")
        return ck_fixed_conv2d(
            n: Int64(batch), c: Int64(channels), h: Int64(input[1]), w: Int64(input[2]), k: Int64(filters),
            kernel: Int64(kernel), stride: Int64(stride), column_stride: Int64(columnStride ?? stride),
            pad: Int64(padding), relu: relu, max_pooling: maxPooling, input_scale: inputScale,
            output_scale: outputScale ?? 0, residual_scale: residualScale ?? 0)
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

    /// The convolution of pairs x[N][⌈C/2⌉][H][W] with packed weights: pairs or floats y of `outputShape`. `residual`
    /// has the pairs of `residualShape`.
    package static func fixedPointForward(
        _ y: Tensor, _ x: Tensor, residual: Tensor? = nil, packed: Tensor, _ convolution: FixedPointConvolution,
        scratch: Tensor
    ) throws(KernelError) {
        let (batch, input) = (x.shape[0], x.shape.sample)
        precondition(input[0] == FixedPointConvolution.pairs(of: convolution.channels), "x is \(x.shape)")
        expect(packed, [convolution.packedCount], "packed")
        expect(y, convolution.outputShape(for: input).batched(batch), "y")
        if let residual { expect(residual, convolution.residualShape(for: input).batched(batch), "residual") }
        var d = convolution.geometry(batch: batch, input)
        try KernelError.check(
            ck_fixed_conv2d_forward(
                y.pointer, x.integers, residual?.integers, packed.pointer, &d, scratch.pointer,
                scratch.count * MemoryLayout<Float>.stride))
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
