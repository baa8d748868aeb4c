import Datasets
import NeuralNetworks
import Tensors

/// Training goal of a network: the loss of its outputs.
protocol Objective {
    /// Computes the loss of the outputs of a batch and its gradient with respect to them, in a workspace after a forward
    /// pass. Returns the loss, and the number of tiles whose class is predicted correctly.
    func step(
        _ workspace: Workspace, _ batch: TileBatch, targets: [Int32], classWeights: [Float]?
    ) throws(KernelError) -> (loss: Double, hits: Int)
}

extension TrainingSettings {
    /// The objective of the settings, with memory for the batches of a workspace. `hasOutlines` says whether training tiles
    /// have outlines.
    func objective(_ workspace: Workspace, hasOutlines: Bool) -> any Objective {
        guard let pixelLoss else { return ClassObjective(labelSmoothing: labelSmoothing) }
        return PixelObjective(pixelLoss, hasOutlines: hasOutlines, workspace)
    }
}

/// Cross-entropy of the classes of tiles.
struct ClassObjective: Objective {
    let labelSmoothing: Float

    func step(
        _ workspace: Workspace, _ batch: TileBatch, targets: [Int32], classWeights: [Float]?
    ) throws(KernelError) -> (loss: Double, hits: Int) {
        let logits = workspace.logits
        let crossEntropy = CrossEntropy(labelSmoothing: labelSmoothing, classWeights: classWeights)
        let loss = try Kernels.crossEntropyForward(logits, targets: targets, crossEntropy)
        try Kernels.crossEntropyBackward(workspace.logitsGradient, logits, targets: targets, crossEntropy)
        let classes = logits.shape[1]
        let values = logits.values
        let hits = targets.indices.count {
            values[$0 * classes..<($0 + 1) * classes].argmax! == Int(targets[$0])
        }
        return (loss, hits)
    }
}

/// The loss of the classes of pixels. A tile counts as predicted to have nuclei where its score is above one half.
struct PixelObjective: Objective {
    private let loss: PixelLoss
    private let scratch: Tensor

    /// Without outlines, the scores of tiles without nuclei have the weight of the others: the mean over the pixels of a
    /// tile hardly shows the few that look like a nucleus. With outlines, their own weight is smaller: they lower false
    /// objects and, with more weight, also the overlap with true ones.
    init(_ loss: PixelLoss, hasOutlines: Bool, _ workspace: Workspace) {
        let shape = workspace.network.outputShape
        var loss = loss
        if !hasOutlines { loss.absentWeight = loss.anyWeight }
        self.loss = loss
        scratch = Tensor([Kernels.pixelScratchCount(batch: workspace.capacity, plane: shape[1] * shape[2])])
    }

    func step(
        _ workspace: Workspace, _ batch: TileBatch, targets: [Int32], classWeights: [Float]?
    ) throws(KernelError) -> (loss: Double, hits: Int) {
        let (logits, classes) = (workspace.logits, UnsafeRawBufferPointer(batch.classMaps).bytes)
        let sums = try Kernels.pixelLossForward(
            logits, classes: classes, truth: batch.truths, loss, scratch: scratch)
        try Kernels.pixelLossBackward(
            workspace.logitsGradient, sums, logits, classes: classes, truth: batch.truths, loss, scratch: scratch)
        let scores = try Kernels.pixelScores(logits, top: loss.scoredPixels, scratch: scratch)
        let hits = zip(scores, targets).count { ($0 > 0.5) == ($1 == TileLabel.nuclei.rawValue) }
        return (sums.loss, hits)
    }

    /// The sums of the loss over a batch, without gradients.
    func sums(_ logits: Tensor, _ batch: TileBatch) throws(KernelError) -> PixelLoss.Sums {
        try Kernels.pixelLossForward(
            logits, classes: UnsafeRawBufferPointer(batch.classMaps).bytes, truth: batch.truths, loss, scratch: scratch
        )
    }
}

extension Trainer {
    /// The loss of the classes of pixels in some tiles and the soft Dice of nuclei, with the current weights;
    /// nil for a network that classifies tiles.
    func pixelScore(of tiles: [Int]) throws -> (loss: Double, dice: Double?)? {
        guard let objective = objective as? PixelObjective else { return nil }
        var (loss, common, total) = (0.0, 0.0, 0.0)
        try loader.forEachBatch(of: tiles, seed: 0, epoch: 0, nil) { batch in
            workspace.setBatch(batch.tiles.count)
            try batch.normalize(into: workspace.input, model.description.statistics)
            let sums = try objective.sums(workspace.forward(.inference), batch)
            loss += sums.loss * Double(batch.tiles.count)
            common += sums.overlap.common
            total += sums.overlap.predicted + sums.overlap.inside
        }
        let hasOutlines = tiles.contains { set.tiles[$0].hasOutlinedNuclei }
        return (loss / Double(max(1, tiles.count)), hasOutlines && total > 0 ? 2 * common / total : nil)
    }
}
