import Datasets
import Foundations
import NeuralNetworks
import Tensors

/// Distillation of an ensemble (Hinton et al. 2015, without a temperature): the cross-entropy of a network's class
/// probabilities, of tiles or of pixels, against the mean of those of trained models, its teachers, on the same pixels.
final class Distillation {
    private let teachers: [(workspace: Workspace, statistics: ChannelStatistics)]
    /// Logits of all teachers, and the mean of their probabilities.
    private let (logits, mean): (Tensor, Tensor)

    /// Memory for the batches of a workspace. Throws `KernelError`.
    init(_ teachers: [Model], _ student: Workspace) throws {
        // One after the other computes, so all use the same memory.
        let arena = Arena()
        self.teachers = try teachers.map {
            (Workspace(try $0.network.folded(), capacity: student.capacity, arena: arena), $0.description.statistics)
        }
        let outputs = student.network.outputShape.batched(student.capacity)
        logits = Tensor(outputs.batched(teachers.count))
        mean = Tensor(outputs)
    }

    /// Adds the gradient with respect to the logits of a batch to the one in its workspace. Returns the loss.
    func step(_ student: Workspace, _ batch: TileBatch) throws -> Double {
        let shape = student.logits.shape
        for (number, teacher) in teachers.enumerated() {
            teacher.workspace.setBatch(batch.tiles.count)
            try batch.normalize(into: teacher.workspace.input, teacher.statistics)
            logits.view(shape, at: number * shape.count).copy(from: try teacher.workspace.forward(.inference))
        }
        let mean = mean.view(shape)
        try Kernels.meanSoftmax(mean, logits.view(shape.batched(teachers.count)))
        let gradient = student.logitsGradient
        try Kernels.distillationBackward(gradient, adding: gradient, student.logits, mean)
        return try Kernels.distillationForward(student.logits, mean)
    }
}

extension TileBatch {
    /// Writes the normalized pixels, with their erasures, to the input of a network.
    func normalize(into input: Tensor, _ statistics: ChannelStatistics) throws(KernelError) {
        try Kernels.normalize(input, bytes.bytes, windows, statistics)
        if !erasures.isEmpty { try Kernels.erase(input, erasures) }
    }
}

extension TrainingSettings {
    /// A teacher in a model file, as a copy in memory. Throws `FileError` for a model whose outputs are others than those of
    /// the network to train.
    func teacher(_ path: FilePath) throws -> Model {
        let model = try Model(path: path)
        let description = model.description
        let graph = architecture.graph(classes: TileLabel.names.count, dropout: 0)
        let side = tileTarget.side
        let plan = try NetworkPlan(graph, inputShape: [3, side, side])
        guard description.classes == TileLabel.names, description.tileSize == side,
            model.network.outputShape == plan.shapes[graph.output]
        else {
            throw FileError(
                path, expected: "a model with the outputs of \(architecture.rawValue) for tiles of \(side) pixels",
                found: "\(description.architecture.rawValue) for tiles of \(description.tileSize) pixels and the "
                    + "classes \(description.classes.joined(separator: ", "))")
        }
        if let own = description.micronsPerPixel, let micronsPerPixel, own != micronsPerPixel {
            throw FileError(
                path, expected: "a model for \(micronsPerPixel) microns per pixel", found: "one for \(own)")
        }
        let copy = try Model(description, records: model.records)
        copy.network.copyState(of: model.network)
        return copy
    }
}
