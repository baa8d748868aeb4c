import Glibc
import Tensors

/// Turns the output of a network that outlines nuclei into logits of a tile's classes.
struct TileScore {
    private let nuclei: Int
    private let classes: Int
    private let scratch: Tensor

    /// `nuclei` is the position of the class of nuclei among the classes of a tile. Others have a logit of 0.
    init(classes: Int, nuclei: Int, shape: Shape, batch: Int) {
        (self.classes, self.nuclei) = (classes, nuclei)
        scratch = Tensor([Kernels.pixelScratchCount(batch: batch, plane: shape[1] * shape[2])])
    }

    /// Scores closer to 0 and 1 cannot be told from them.
    private static let margin: Float = 1e-6

    /// A row of logits for each sample: the log odds of the score of its pixels, see `PixelLoss`, and of `fit`.
    func logits(_ pixels: Tensor, _ fit: TileScoreFit?) throws(KernelError) -> [Float] {
        let scores = try Kernels.pixelScores(pixels, top: PixelLoss.scoredPixels, scratch: scratch)
        var rows = [Float](repeating: 0, count: scores.count * classes)
        for (sample, score) in scores.enumerated() {
            let inside = score.isNaN ? score : min(max(score, Self.margin), 1 - Self.margin)
            let logOdds = log(inside / (1 - inside))
            rows[sample * classes + nuclei] = fit?.apply(logOdds) ?? logOdds
        }
        return rows
    }
}
