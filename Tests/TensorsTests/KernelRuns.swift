import Tensors
import TestSupport

/// Kernels on arrays of numbers, with checks: outputs and scratch are guarded and start as NaN, scratch has exactly the
/// required size, and inputs must not change. `misalignment` shifts all of them off multiples of 64 bytes.
struct KernelRuns {
    var misalignment = 0

    static let aligned = KernelRuns()
    static let unaligned = KernelRuns(misalignment: 3)

    func input(_ values: [Float], _ shape: Shape) -> Tensor {
        let tensor = Tensor([shape.count + misalignment]).view(shape, at: misalignment)
        tensor.copy(from: Tensor(shape, values))
        return tensor
    }

    func output(_ shape: Shape) -> GuardedTensor { GuardedTensor(shape, misalignment: misalignment) }

    private func scratch(_ count: Int) -> GuardedTensor { output([count]) }

    /// Throws when a kernel has changed an input.
    private func unchanged(_ inputs: (String, Tensor, [Float])...) throws(Mismatch) {
        for (what, tensor, values) in inputs { try compareBits("input \(what)", tensor.values, values) }
    }

    func convolution(
        _ x: [Float], _ w: [Float], _ bias: [Float]?, residual: [Float]? = nil, _ g: Convolution, batch: Int
    ) throws -> [Float] {
        try convolutionWithMask(x, w, bias, residual: residual, g, batch: batch, keepsMask: false).y
    }

    func convolutionWithMask(
        _ x: [Float], _ w: [Float], _ bias: [Float]?, residual: [Float]? = nil, _ g: Convolution, batch: Int,
        keepsMask: Bool = true
    ) throws -> (y: [Float], reluMask: [Float]) {
        let y = output(try g.outputShape().batched(batch))
        let reluMask = output([keepsMask ? g.reluMaskCount(batch: batch) : 0])
        let scratch = scratch(g.scratchCount(batch: batch))
        let (xs, ws) = (input(x, g.inputShape.batched(batch)), input(w, g.weightShape))
        let residuals = try residual.map { input($0, try g.unpooledShape().batched(batch)) }
        try Kernels.convolutionForward(
            y.tensor, xs, weight: ws, bias: bias.map { input($0, [g.filters]) }, residual: residuals,
            reluMask: keepsMask ? reluMask.tensor : nil, g, scratch: scratch.tensor)
        try unchanged(("x", xs, x), ("w", ws, w))
        if let residual, let residuals { try unchanged(("residual", residuals, residual)) }
        _ = try scratch.values("scratch")
        return (try y.values("y"), try reluMask.values("reluMask"))
    }

    func convolutionBackward(
        gy: [Float], y: [Float]? = nil, reluMask: [Float]? = nil, _ x: [Float], _ w: [Float], _ g: Convolution,
        batch: Int, bias: Bool = true
    ) throws -> (gx: [Float], gw: [Float], gb: [Float]?) {
        let gx = output(g.inputShape.batched(batch))
        let gw = output(g.weightShape)
        let gb = bias ? output([g.filters]) : nil
        let shape = try g.outputShape().batched(batch)
        let (gys, ys, bits) = (input(gy, shape), y.map { input($0, shape) }, reluMask.map { input($0, [$0.count]) })
        let (xs, ws) = (input(x, g.inputShape.batched(batch)), input(w, g.weightShape))
        let first = scratch(g.scratchCount(batch: batch))
        try Kernels.convolutionBackwardData(
            gx.tensor, gy: gys, y: ys, reluMask: bits, weight: ws, g, scratch: first.tensor)
        _ = try first.values("scratch")
        let second = scratch(g.scratchCount(batch: batch))
        try Kernels.convolutionBackwardWeight(
            gw.tensor, gb?.tensor, gy: gys, y: ys, reluMask: bits, xs, g, scratch: second.tensor)
        _ = try second.values("scratch")
        try unchanged(("gy", gys, gy), ("x", xs, x), ("w", ws, w))
        return (try gx.values("gx"), try gw.values("gw"), try gb?.values("gb"))
    }

    enum Pool: CaseIterable { case average, largest }

    func pool(_ kind: Pool, _ x: [Float], _ g: Pooling, batch: Int) throws -> [Float] {
        let y = output(try g.outputShape().batched(batch))
        let xs = input(x, g.inputShape.batched(batch))
        switch kind {
        case .average: try Kernels.averagePoolForward(y.tensor, xs, g)
        case .largest: try Kernels.maxPoolForward(y.tensor, xs, g)
        }
        try unchanged(("x", xs, x))
        return try y.values("y")
    }

    func poolBackward(_ kind: Pool, gy: [Float], _ x: [Float], _ g: Pooling, batch: Int) throws -> [Float] {
        let gx = output(g.inputShape.batched(batch))
        let gys = input(gy, try g.outputShape().batched(batch))
        let xs = input(x, g.inputShape.batched(batch))
        switch kind {
        case .average: try Kernels.averagePoolBackward(gx.tensor, gy: gys, g)
        case .largest: try Kernels.maxPoolBackward(gx.tensor, gy: gys, xs, g)
        }
        try unchanged(("gy", gys, gy), ("x", xs, x))
        return try gx.values("gx")
    }

    func linear(
        _ x: [Float], _ w: [Float], _ bias: [Float]?, batch: Int, inputs: Int, outputs: Int
    ) throws -> [Float] {
        let y = output([batch, outputs])
        let scratch = scratch(Kernels.linearScratchCount(batch: batch, inputs: inputs, outputs: outputs))
        let (xs, ws) = (input(x, [batch, inputs]), input(w, [outputs, inputs]))
        try Kernels.linearForward(
            y.tensor, xs, weight: ws, bias: bias.map { input($0, [outputs]) }, scratch: scratch.tensor)
        try unchanged(("x", xs, x), ("w", ws, w))
        _ = try scratch.values("scratch")
        return try y.values("y")
    }

    func linearSquaredNorm(gy: [Float], _ x: [Float], batch: Int, inputs: Int, outputs: Int) throws -> Double {
        let (gys, xs) = (input(gy, [batch, outputs]), input(x, [batch, inputs]))
        let scratch = scratch(Kernels.linearScratchCount(batch: batch, inputs: inputs, outputs: batch))
        let result = try Kernels.linearSquaredNorm(gy: gys, xs, scratch: scratch.tensor)
        try unchanged(("gy", gys, gy), ("x", xs, x))
        _ = try scratch.values("scratch")
        return result
    }

    func linearBackward(
        gy: [Float], _ x: [Float], _ w: [Float], batch: Int, inputs: Int, outputs: Int, bias: Bool = true
    ) throws -> (gx: [Float], gw: [Float], gb: [Float]?) {
        let (gx, gw, gb) = (output([batch, inputs]), output([outputs, inputs]), bias ? output([outputs]) : nil)
        let (gys, xs) = (input(gy, [batch, outputs]), input(x, [batch, inputs]))
        let ws = input(w, [outputs, inputs])
        try Kernels.linearBackwardData(gx.tensor, gy: gys, weight: ws)
        try Kernels.linearBackwardWeight(gw.tensor, gb?.tensor, gy: gys, xs)
        try unchanged(("gy", gys, gy), ("x", xs, x), ("w", ws, w))
        return (try gx.values("gx"), try gw.values("gw"), try gb?.values("gb"))
    }

    func relu(_ x: [Float]) throws -> [Float] {
        let (y, xs) = (output([x.count]), input(x, [x.count]))
        try Kernels.reluForward(y.tensor, xs)
        try unchanged(("x", xs, x))
        return try y.values("y")
    }

    func reluBackward(gy: [Float], y: [Float]) throws -> [Float] {
        let (gx, gys, ys) = (output([y.count]), input(gy, [y.count]), input(y, [y.count]))
        try Kernels.reluBackward(gx.tensor, gy: gys, y: ys)
        try unchanged(("gy", gys, gy), ("y", ys, y))
        return try gx.values("gx")
    }

    func add(_ a: [Float], _ b: [Float], relu: Bool) throws -> [Float] {
        let (y, first, second) = (output([a.count]), input(a, [a.count]), input(b, [b.count]))
        try Kernels.add(y.tensor, first, second, relu: relu)
        try unchanged(("a", first, a), ("b", second, b))
        return try y.values("y")
    }

    func globalPool(
        _ x: [Float], batch: Int, channels: Int, plane: Int, maximum: Bool = true
    ) throws -> [Float] {
        let (y, xs) = (output([batch, maximum ? 2 : 1, channels]), input(x, [batch, channels, plane]))
        try Kernels.globalPoolForward(y.tensor, xs, maximum: maximum)
        try unchanged(("x", xs, x))
        return try y.values("y")
    }

    func globalPoolBackward(
        gy: [Float], _ x: [Float], batch: Int, channels: Int, plane: Int, maximum: Bool = true
    ) throws -> [Float] {
        let gx = output([batch, channels, plane])
        let gys = input(gy, [batch, maximum ? 2 : 1, channels])
        let xs = input(x, [batch, channels, plane])
        try Kernels.globalPoolBackward(gx.tensor, gy: gys, xs, maximum: maximum)
        try unchanged(("gy", gys, gy), ("x", xs, x))
        return try gx.values("gx")
    }

    func dropout(_ x: [Float], probability: Float, seed: UInt64) throws -> [Float] {
        let (y, xs) = (output([x.count]), input(x, [x.count]))
        try Kernels.dropout(y.tensor, xs, probability: probability, seed: seed)
        try unchanged(("x", xs, x))
        return try y.values("y")
    }

    func uniform(_ count: Int, in range: Range<Float>, seed: UInt64) throws -> [Float] {
        let y = output([count])
        try Kernels.randomUniform(y.tensor, in: range, seed: seed)
        return try y.values("y")
    }

    func crossEntropy(
        _ logits: [Float], targets: [Int32], classes: Int, _ settings: CrossEntropy
    ) throws -> (loss: Double, losses: [Float], glogits: [Float]) {
        let shape: Shape = [targets.count, classes]
        let (losses, g, xs) = (output([targets.count]), output(shape), input(logits, shape))
        let loss = try Kernels.crossEntropyForward(losses: losses.tensor, xs, targets: targets, settings)
        try Kernels.crossEntropyBackward(g.tensor, xs, targets: targets, settings)
        try unchanged(("logits", xs, logits))
        return (loss, try losses.values("losses"), try g.values("glogits"))
    }

    func distillation(
        _ item: DistillationCase, _ logits: [Float], _ p: [Float], addend: [Float]
    ) throws -> (loss: Double, glogits: [Float]) {
        let (xs, ps, added) = (input(logits, item.shape), input(p, item.shape), input(addend, item.shape))
        let g = output(item.shape)
        let loss = try Kernels.distillationForward(xs, ps)
        try Kernels.distillationBackward(g.tensor, adding: added, xs, ps)
        try unchanged(("logits", xs, logits), ("p", ps, p), ("addend", added, addend))
        return (loss, try g.values("glogits"))
    }

    func meanSoftmax(_ item: DistillationCase, _ teachers: [Float]) throws -> [Float] {
        let p = output(item.shape)
        let xs = input(teachers, item.shape.batched(item.models))
        try Kernels.meanSoftmax(p.tensor, xs)
        try unchanged(("logits", xs, teachers))
        return try p.values("p")
    }
}

extension Array where Element == Float {
    /// The same numbers in double precision, for the naive references.
    var doubled: [Double] { map(Double.init) }
}

/// Reason of the `KernelError` that `body` throws; nil without one.
func refusal(_ body: () throws -> Void) -> KernelError.Reason? {
    do {
        try body()
        return nil
    } catch {
        return (error as? KernelError)?.reason
    }
}
