import CKernels

/// Settings of softmax cross-entropy, as in `torch.nn.functional.cross_entropy`.
package struct CrossEntropy: Sendable {
    package enum Reduction: Sendable {
        /// The sum divided by the summed class weights of the targets.
        case mean
        case sum
    }

    /// Probability mass that is distributed uniformly over all classes, 0 ... 1.
    package var labelSmoothing: Float = 0
    /// One weight for each class; nil: all 1.
    package var classWeights: [Float]?
    package var reduction = Reduction.mean

    package init(labelSmoothing: Float = 0, classWeights: [Float]? = nil, reduction: Reduction = .mean) {
        self.labelSmoothing = labelSmoothing
        self.classWeights = classWeights
        self.reduction = reduction
    }

    fileprivate var nativeReduction: ck_reduction { reduction == .mean ? .mean : .sum }

    /// The sizes of logits [N][classes]. Traps unless targets and class weights have them.
    fileprivate func sizes(_ logits: Tensor, _ targets: [Int32]) -> (batch: Int, classes: Int) {
        precondition(logits.shape.dimensions.count == 2, "logits of \(logits.shape)")
        let (batch, classes) = (logits.shape[0], logits.shape[1])
        precondition(targets.count == batch && classWeights.map { $0.count == classes } ?? true)
        return (batch, classes)
    }
}

extension Kernels {
    /// Reduced loss of logits[N][classes]. Stores the loss of each row in `losses` [N] unless it is nil. Rows with a
    /// negative target are ignored. Throws `badTarget` for a target that is not below the number of classes.
    package static func crossEntropyForward(
        losses: Tensor? = nil, _ logits: Tensor, targets: [Int32], _ settings: CrossEntropy
    ) throws(KernelError) -> Double {
        let (batch, classes) = settings.sizes(logits, targets)
        if let losses { expect(losses, [batch], "losses") }
        var loss = 0.0
        let status = withOptionalPointer(settings.classWeights) { weights in
            ck_cross_entropy_forward(
                &loss, losses?.pointer, logits.pointer, targets, weights, settings.labelSmoothing,
                settings.nativeReduction, Int64(batch), Int64(classes))
        }
        try KernelError.check(status)
        return loss
    }

    /// Gradient of the reduced loss with respect to the logits [N][classes].
    package static func crossEntropyBackward(
        _ glogits: Tensor, _ logits: Tensor, targets: [Int32], _ settings: CrossEntropy
    ) throws(KernelError) {
        let (batch, classes) = settings.sizes(logits, targets)
        expect(glogits, logits.shape, "glogits")
        let status = withOptionalPointer(settings.classWeights) { weights in
            ck_cross_entropy_backward(
                glogits.pointer, logits.pointer, targets, weights, settings.labelSmoothing, settings.nativeReduction,
                Int64(batch), Int64(classes))
        }
        try KernelError.check(status)
    }

    private static func withOptionalPointer<R>(_ values: [Float]?, _ body: (UnsafePointer<Float>?) -> R) -> R {
        guard let values else { return body(nil) }
        return values.withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
