import CKernels

extension Kernels {
    /// Floats of scratch that `linearForward` needs.
    package static func linearScratchCount(batch: Int, inputs: Int, outputs: Int) -> Int {
        ck_linear_scratch(Int64(batch), Int64(inputs), Int64(outputs))
    }

    /// y[N][O] = x[N][I] * weight[O][I] transposed + bias[O].
    package static func linearForward(
        _ y: Tensor, _ x: Tensor, weight: Tensor, bias: Tensor?, scratch: Tensor
    ) throws(KernelError) {
        let (batch, outputs, inputs) = (x.shape[0], weight.shape[0], weight.shape[1])
        expect(x, [batch, inputs], "x")
        expect(y, [batch, outputs], "y")
        if let bias { expect(bias, [outputs], "bias") }
        try KernelError.check(
            ck_linear_forward(
                y.pointer, x.pointer, weight.pointer, bias?.pointer, Int64(batch), Int64(inputs), Int64(outputs),
                scratch.pointer, scratch.count))
    }

    /// gx[N][I] from gy[N][O].
    package static func linearBackwardData(_ gx: Tensor, gy: Tensor, weight: Tensor) throws(KernelError) {
        let (batch, outputs, inputs) = (gy.shape[0], weight.shape[0], weight.shape[1])
        expect(gx, [batch, inputs], "gx")
        expect(gy, [batch, outputs], "gy")
        try KernelError.check(
            ck_linear_backward_data(
                gx.pointer, gy.pointer, weight.pointer, Int64(batch), Int64(inputs), Int64(outputs)))
    }

    /// gweight[O][I] and gbias[O], summed over the batch.
    package static func linearBackwardWeight(
        _ gweight: Tensor, _ gbias: Tensor?, gy: Tensor, _ x: Tensor
    ) throws(KernelError) {
        let (batch, outputs, inputs) = (gy.shape[0], gweight.shape[0], gweight.shape[1])
        expect(x, [batch, inputs], "x")
        expect(gy, [batch, outputs], "gy")
        if let gbias { expect(gbias, [outputs], "gbias") }
        try KernelError.check(
            ck_linear_backward_weight(
                gweight.pointer, gbias?.pointer, gy.pointer, x.pointer, Int64(batch), Int64(inputs), Int64(outputs)))
    }
}
