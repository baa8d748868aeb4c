import Foundations
import Glibc
import Tensors

/// Turns the output of a network that outlines nuclei into logits of a tile's classes.
///
/// Pixels below the least density of hematoxylin of a nucleus count as background.
struct TileScore {
    private let nuclei: Int
    private let classes: Int
    private let scratch: Tensor
    /// Densities of hematoxylin of a batch.
    private let densities: Tensor
    private static let hematoxylin = StainDensity(of: .hematoxylin)

    /// `nuclei` is the position of the class of nuclei among the classes of a tile. Others have a logit of 0. `shape` is that
    /// of the network's output, whose pixels are those of the tile.
    init(classes: Int, nuclei: Int, shape: Shape, batch: Int) {
        (self.classes, self.nuclei) = (classes, nuclei)
        scratch = Tensor([Kernels.pixelScratchCount(batch: batch, plane: shape[1] * shape[2])])
        densities = Tensor([batch, shape[1], shape[2]])
    }

    /// Scores closer to 0 and 1 cannot be told from them.
    private static let margin: Float = 1e-6

    /// Measures the stain of tiles that get the places of a batch from `place` on.
    func measure(_ bytes: RawSpan, _ windows: PixelWindows, at place: Int) throws(KernelError) {
        try Kernels.stainDensity(
            densities.rows(place..<place + windows.offsets.count), bytes, windows, table: Self.hematoxylin.table)
    }

    /// A row of logits for each sample: the log odds of the score of its pixels, see `PixelLoss`, and of `fit`.
    func logits(_ pixels: Tensor, _ fit: TileScoreFit?) throws(KernelError) -> [Float] {
        let stain = (densities.rows(0..<pixels.shape[0]), StainDensity.leastInNuclei)
        let scores = try Kernels.pixelScores(
            pixels, stain: stain, top: PixelLoss.scoredPixels, scratch: scratch)
        var rows = [Float](repeating: 0, count: scores.count * classes)
        for (sample, score) in scores.enumerated() {
            let inside = score.isNaN ? score : min(max(score, Self.margin), 1 - Self.margin)
            let logOdds = log(inside / (1 - inside))
            rows[sample * classes + nuclei] = fit?.apply(logOdds) ?? logOdds
        }
        return rows
    }
}
