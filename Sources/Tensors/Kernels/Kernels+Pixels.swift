import CKernels

/// The class of a pixel, by which nuclei are outlined. Raw values are the bytes of class maps, and positions among the
/// planes of logits.
package enum PixelClass: UInt8, CaseIterable, Sendable {
    case background = 0
    case interior = 1
    /// The outermost pixels of a nucleus.
    case boundary = 2

    /// The byte of a pixel without a class. It has no loss.
    package static let ignored = UInt8(CK_PIXEL_IGNORED)
}

/// Knowledge about the pixels of a tile.
package enum PixelTruth: UInt8, Sendable {
    case none
    /// The class of each pixel that is not ignored.
    case classes
    /// There is a nucleus somewhere.
    case any
    /// There is no nucleus: all pixels are background.
    case absent

    fileprivate var native: ck_pixel_truth {
        switch self {
        case .none: .none
        case .classes: .classes
        case .any: .any
        case .absent: .absent
        }
    }
}

/// The loss of pixel classes: cross-entropy and soft Dice of pixels with a class, and the cross-entropy of the scores of
/// tiles that are only known to have a nucleus, or none.
package struct PixelLoss: Codable, Equatable, Sendable {
    /// Weights of the cross-entropy by `PixelClass`.
    package var classWeights: [Float] = [1, 1, 2]
    package var diceWeight: Float = 1
    /// The weight of the scores of tiles that have a nucleus.
    package var anyWeight: Float = 0.25
    /// The weight of the scores of tiles without nuclei. Records of earlier versions, which left these scores out, have
    /// nil.
    package var absentWeight: Float? = 0.075
    /// Pixels whose mean probability of a nucleus is the score of a tile: 16 square microns at half a micron per pixel.
    package static let scoredPixels = 64
    package var scoredPixels = Self.scoredPixels

    package init() {}

    /// The sums of a batch's loss, which the gradient depends on.
    package struct Sums {
        fileprivate let native: ck_pixel_sums

        package var loss: Double { native.loss }
        /// Pixels of nuclei that are predicted as such, those that are predicted, and those that are; probabilities are
        /// added up.
        package var overlap: (common: Double, predicted: Double, inside: Double) {
            (native.nuclei.common, native.nuclei.predicted, native.nuclei.inside)
        }
    }

    fileprivate func native(_ logits: Tensor) -> ck_pixel_loss {
        precondition(classWeights.count == PixelClass.allCases.count, "\(classWeights.count) weights of pixel classes")
        return ck_pixel_loss(
            n: Int64(logits.shape[0]), plane: Int64(Kernels.plane(of: logits)),
            top: Int64(min(scoredPixels, Kernels.plane(of: logits))),
            class_weights: (classWeights[0], classWeights[1], classWeights[2]), dice_weight: diceWeight,
            any_weight: anyWeight, absent_weight: absentWeight ?? 0)
    }
}

extension Kernels {
    /// Element count of the scratch tensor of the functions below, for logits of [batch][3][H][W].
    package static func pixelScratchCount(batch: Int, plane: Int) -> Int {
        ck_pixel_scores_scratch(Int64(batch), Int64(plane))
    }

    /// Scores of tiles from logits [N][3][H][W]: the mean of the `top` largest probabilities of a nucleus. NaN for a
    /// tile with a logit that is NaN. With densities [N][H][W] of a stain, pixels below the least one count as
    /// background.
    package static func pixelScores(
        _ logits: Tensor, stain: (density: Tensor, least: Float)? = nil, top: Int, scratch: Tensor
    ) throws(KernelError) -> [Float] {
        let plane = plane(of: logits)
        var scores = [Float](repeating: 0, count: logits.shape[0])
        if let stain { expect(stain.density, [logits.shape[0], logits.shape[2], logits.shape[3]], "density") }
        try KernelError.check(
            ck_pixel_scores(
                &scores, logits.pointer, stain?.density.pointer, stain?.least ?? 0, Int64(scores.count), Int64(plane),
                Int64(min(top, plane)), scratch.pointer, scratch.count))
        return scores
    }

    /// Probabilities of the interior, and of interior and boundary together, [2 H][2 W] from the logits [1][12][H][W]
    /// of one image before its pixels are shuffled. Returns whether all are finite.
    package static func pixelProbabilities(
        interior: Tensor, nucleus: Tensor, _ logits: Tensor
    ) throws(KernelError) -> Bool {
        let (h, w) = (logits.shape[2], logits.shape[3])
        precondition(logits.shape == [1, 4 * PixelClass.allCases.count, h, w], "logits are \(logits.shape)")
        precondition(interior.count == 4 * h * w && nucleus.count == 4 * h * w)
        var areFinite = false
        try KernelError.check(
            ck_pixel_probabilities(interior.pointer, nucleus.pointer, &areFinite, logits.pointer, Int64(h), Int64(w)))
        return areFinite
    }

    /// The loss of logits [N][3][H][W]. `classes` has the class maps [N][H][W]. Throws `badTarget` for a byte that is
    /// neither a class nor ignored.
    package static func pixelLossForward(
        _ logits: Tensor, classes: RawSpan, truth: [PixelTruth], _ loss: PixelLoss, scratch: Tensor
    ) throws(KernelError) -> PixelLoss.Sums {
        check(logits, classes, truth)
        var d = loss.native(logits)
        var sums = [ck_pixel_sums](repeating: ck_pixel_sums(), count: truth.count)
        try KernelError.check(
            classes.withBytes {
                ck_pixel_loss_forward(
                    &sums, logits.pointer, $0, truth.map(\.native), &d, scratch.pointer, scratch.count)
            })
        return PixelLoss.Sums(native: sums[0])
    }

    /// Gradient of the loss with respect to the logits [N][3][H][W].
    package static func pixelLossBackward(
        _ glogits: Tensor, _ sums: PixelLoss.Sums, _ logits: Tensor, classes: RawSpan,
        truth: [PixelTruth], _ loss: PixelLoss, scratch: Tensor
    ) throws(KernelError) {
        check(logits, classes, truth)
        expect(glogits, logits.shape, "glogits")
        var d = loss.native(logits)
        var native = sums.native
        try KernelError.check(
            classes.withBytes {
                ck_pixel_loss_backward(
                    glogits.pointer, &native, logits.pointer, $0, truth.map(\.native), &d, scratch.pointer,
                    scratch.count)
            })
    }

    private static func check(_ logits: Tensor, _ classes: RawSpan, _ truth: [PixelTruth]) {
        precondition(truth.count == logits.shape[0], "the truth about \(truth.count) of \(logits.shape[0]) samples")
        precondition(classes.byteCount >= truth.count * plane(of: logits), "class maps of \(classes.byteCount) bytes")
    }

    /// Pixels of a sample of logits.
    fileprivate static func plane(of logits: Tensor) -> Int {
        let classes = PixelClass.allCases.count
        precondition(logits.shape.dimensions.count == 4 && logits.shape[1] == classes, "logits are \(logits.shape)")
        return logits.shape[2] * logits.shape[3]
    }
}
