import CKernels

extension Kernels {
    /// y = max(x, 0). `y` may be `x`.
    package static func reluForward(_ y: Tensor, _ x: Tensor) throws(KernelError) {
        expect(x, y.shape, "x")
        try KernelError.check(ck_relu_forward(y.pointer, x.pointer, Int64(y.count)))
    }

    /// gx = gy where the layer's output y is positive, else 0. `gx` may be `gy`.
    package static func reluBackward(_ gx: Tensor, gy: Tensor, y: Tensor) throws(KernelError) {
        expect(gy, gx.shape, "gy")
        expect(y, gx.shape, "y")
        try KernelError.check(ck_relu_backward(gx.pointer, gy.pointer, y.pointer, Int64(gx.count)))
    }

    /// y = a + b, or max(a + b, 0) with `relu`. `y` may be `a` or `b`.
    package static func add(_ y: Tensor, _ a: Tensor, _ b: Tensor, relu: Bool = false) throws(KernelError) {
        expect(a, y.shape, "a")
        expect(b, y.shape, "b")
        try KernelError.check(ck_add(y.pointer, a.pointer, b.pointer, Int64(y.count), relu))
    }

    /// Dropout: zeroes each element with `probability` and scales the others by 1 / (1 - probability). The mask depends
    /// on the seed only, so the same call on gradients is the backward pass. `y` may be `x`.
    package static func dropout(
        _ y: Tensor, _ x: Tensor, probability: Float, seed: UInt64
    ) throws(KernelError) {
        expect(x, y.shape, "x")
        try KernelError.check(ck_dropout(y.pointer, x.pointer, Int64(y.count), probability, seed))
    }

    /// Fills `y` with independent numbers, uniform in `range`, that depend on the seed only.
    package static func randomUniform(
        _ y: Tensor, in range: Range<Float>, seed: UInt64
    ) throws(KernelError) {
        try KernelError.check(
            ck_random_uniform(y.pointer, Int64(y.count), range.lowerBound, range.upperBound, seed))
    }

    /// Sum of the squares of all elements, in double precision.
    package static func squaredNorm(_ x: Tensor) throws(KernelError) -> Double {
        let needed = ck_squared_norm_scratch(Int64(x.count))
        var result = 0.0
        let status = withUnsafeTemporaryAllocation(of: Double.self, capacity: max(1, needed)) {
            ck_squared_norm(&result, x.pointer, Int64(x.count), $0.baseAddress, $0.count)
        }
        try KernelError.check(status)
        return result
    }
}
