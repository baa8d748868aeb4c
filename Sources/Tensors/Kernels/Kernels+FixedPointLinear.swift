import CKernels

/// A dense layer of features of channels x plane, which rounds them to 16-bit integers: y = products * weights + bias.
/// Inputs and outputs are floats.
package struct FixedPointLinear: Hashable, Sendable {
    package var channels: Int
    /// Features of a channel.
    package var plane: Int
    package var outputs: Int
    /// The value of 1 in the rounded input.
    package var inputScale: Float

    package init(channels: Int, plane: Int, outputs: Int, inputScale: Float) {
        (self.channels, self.plane, self.outputs, self.inputScale) = (channels, plane, outputs, inputScale)
    }

    /// Elements of a tensor of packed weights.
    package var packedCount: Int {
        var d = description
        return ck_fixed_linear_packed_bytes(&d) / MemoryLayout<Float>.stride
    }

    /// Elements of scratch for a batch, with the current number of threads.
    package func scratchCount(batch: Int) -> Int {
        var d = description
        return ck_fixed_linear_scratch(Int64(batch), &d) / MemoryLayout<Float>.stride
    }

    fileprivate var description: ck_fixed_linear {
        ck_fixed_linear(c: Int64(channels), plane: Int64(plane), o: Int64(outputs), input_scale: inputScale)
    }
}

extension Kernels {
    /// Rounds and packs weights [O][channels * plane]. Throws `badParameter` when a weight or the scale is not finite.
    package static func packFixedPoint(
        _ packed: Tensor, weight: Tensor, _ linear: FixedPointLinear
    ) throws(KernelError) {
        expect(weight, [linear.outputs, linear.channels * linear.plane], "weight")
        expect(packed, [linear.packedCount], "packed")
        var d = linear.description
        try KernelError.check(ck_fixed_linear_pack(packed.pointer, weight.pointer, &d))
    }

    /// y[N][O] from x[N][channels * plane], with packed weights.
    package static func fixedPointForward(
        _ y: Tensor, _ x: Tensor, packed: Tensor, bias: Tensor?, _ linear: FixedPointLinear, scratch: Tensor
    ) throws(KernelError) {
        let batch = x.shape[0]
        expect(x, [batch, linear.channels * linear.plane], "x")
        expect(y, [batch, linear.outputs], "y")
        expect(packed, [linear.packedCount], "packed")
        if let bias { expect(bias, [linear.outputs], "bias") }
        var d = linear.description
        try KernelError.check(
            ck_fixed_linear_forward(
                y.pointer, x.pointer, packed.pointer, bias?.pointer, Int64(batch), &d, scratch.pointer,
                scratch.count * MemoryLayout<Float>.stride))
    }

    /// Elements of scratch for `fixedPointForward` of windows.
    package static func scratchCount(_ windows: FeatureWindows, _ linear: FixedPointLinear) -> Int {
        var d = linear.description
        return windows.withDescription { ck_fixed_linear_windows_scratch(&$0, &d) } / MemoryLayout<Float>.stride
    }

    /// `linearForward` of windows, with packed weights. The first channel of the map is even, and so is the number of its
    /// channels, unless the last one is among them.
    package static func fixedPointForward(
        _ y: Tensor, _ windows: FeatureWindows, packed: Tensor, bias: Tensor?, _ linear: FixedPointLinear,
        scratch: Tensor
    ) throws(KernelError) {
        expect(y, [windows.places.count, linear.outputs], "y")
        expect(packed, [linear.packedCount], "packed")
        if let bias { expect(bias, [linear.outputs], "bias") }
        var d = linear.description
        try KernelError.check(
            windows.withDescription {
                ck_fixed_linear_windows_forward(
                    y.pointer, &$0, packed.pointer, bias?.pointer, &d, scratch.pointer,
                    scratch.count * MemoryLayout<Float>.stride)
            })
    }
}
