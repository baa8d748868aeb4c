import CKernels

/// Logits and probabilities are [N][classes] of samples, or [N][classes][H][W] of pixels.
extension Kernels {
    /// The mean of the class probabilities of several models: p[N][classes]... from logits[models][N][classes]...
    package static func meanSoftmax(_ p: Tensor, _ logits: Tensor) throws(KernelError) {
        let models = logits.shape[0]
        precondition(logits.count == models * p.count, "logits \(logits.shape) for probabilities \(p.shape)")
        var d = distillation(p)
        try KernelError.check(ck_mean_softmax(p.pointer, logits.pointer, Int64(models), &d))
    }

    /// The mean cross-entropy of the classes of samples or pixels against probabilities `p`.
    package static func distillationForward(_ logits: Tensor, _ p: Tensor) throws(KernelError) -> Double {
        expect(p, logits.shape, "p")
        var d = distillation(logits)
        var losses = [Double](repeating: 0, count: logits.shape[0])
        try KernelError.check(ck_distillation_forward(&losses, logits.pointer, p.pointer, &d))
        return losses.reduce(0, +) / Double(losses.count)
    }

    /// `addend` plus the gradient of that loss with respect to the logits. `glogits` may be `addend`.
    package static func distillationBackward(
        _ glogits: Tensor, adding addend: Tensor, _ logits: Tensor, _ p: Tensor
    ) throws(KernelError) {
        expect(glogits, logits.shape, "glogits")
        expect(addend, logits.shape, "addend")
        expect(p, logits.shape, "p")
        var d = distillation(logits)
        try KernelError.check(
            ck_distillation_backward(glogits.pointer, addend.pointer, logits.pointer, p.pointer, &d))
    }

    private static func distillation(_ logits: Tensor) -> ck_distillation {
        let (n, classes) = (logits.shape[0], logits.shape[1])
        return ck_distillation(n: Int64(n), classes: Int64(classes), plane: Int64(logits.count / (n * classes)))
    }
}
