import CKernels

extension Kernels {
    /// Floats of scratch for `linearForward`.
    package static func linearScratchCount(batch: Int, inputs: Int, outputs: Int) -> Int {
        ck_linear_scratch(Int64(batch), Int64(inputs), Int64(outputs))
    }

    /// Forward pass of a dense layer: y[N][O] = x[N][I] * weight[O][I] transposed + bias[O].
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

    /// Gradient with respect to the input: gx[N][I] from gy[N][O].
    package static func linearBackwardData(_ gx: Tensor, gy: Tensor, weight: Tensor) throws(KernelError) {
        let (batch, outputs, inputs) = (gy.shape[0], weight.shape[0], weight.shape[1])
        expect(gx, [batch, inputs], "gx")
        expect(gy, [batch, outputs], "gy")
        try KernelError.check(
            ck_linear_backward_data(
                gx.pointer, gy.pointer, weight.pointer, Int64(batch), Int64(inputs), Int64(outputs)))
    }

    /// Gradients with respect to the weights and the bias: gweight[O][I] and gbias[O], summed over the batch. Either may
    /// be nil.
    package static func linearBackwardWeight(
        _ gweight: Tensor?, _ gbias: Tensor?, gy: Tensor, _ x: Tensor
    ) throws(KernelError) {
        let (batch, outputs, inputs) = (gy.shape[0], gy.shape[1], x.shape.sample.count)
        expect(x, [batch, inputs], "x")
        if let gweight { expect(gweight, [outputs, inputs], "gweight") }
        if let gbias { expect(gbias, [outputs], "gbias") }
        try KernelError.check(
            ck_linear_backward_weight(
                gweight?.pointer, gbias?.pointer, gy.pointer, x.pointer, Int64(batch), Int64(inputs), Int64(outputs)))
    }

    /// Sum of the squared elements of the gradient with respect to the weights, in double precision, without computing the
    /// gradient. Needs the scratch of a layer with as many outputs as there are samples.
    package static func linearSquaredNorm(gy: Tensor, _ x: Tensor, scratch: Tensor) throws(KernelError) -> Double {
        let (batch, outputs, inputs) = (gy.shape[0], gy.shape[1], x.shape.sample.count)
        expect(x, [batch, inputs], "x")
        var result = 0.0
        try KernelError.check(
            ck_linear_squared_norm(
                &result, gy.pointer, x.pointer, Int64(batch), Int64(inputs), Int64(outputs), scratch.pointer,
                scratch.count))
        return result
    }
}
