import BundledModels
import Datasets
import Foundations
import NeuralNetworks
import Tensors

/// Distillation of an ensemble (Hinton et al. 2015, without a temperature): the cross-entropy of the class
/// probabilities of a network, the student, against the mean of those of trained models, its teachers, on the same
/// augmented tiles. The classes are those of tiles or of pixels.
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
        let loss = try Kernels.distillationForward(student.logits, mean)
        if !loss.isFinite { try requireFiniteLogits(shape) }
        return loss
    }

    /// Throws `TrainingError` for a teacher whose logits of the last batch, of the given shape, are not finite.
    private func requireFiniteLogits(_ shape: Shape) throws {
        for number in teachers.indices {
            let finite = logits.view(shape, at: number * shape.count).withUnsafeBuffer { $0.allSatisfy(\.isFinite) }
            if finite { continue }
            let problem = "its weights or statistics do not fit these tiles"
            throw TrainingError(
                description: "the outputs of teacher \(number + 1) are not finite numbers: \(problem)")
        }
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
    /// The teacher in a model file or of a bundled name, copied to memory, and the digest of the file. Throws `FileError`
    /// for a model whose classes, tiles or outputs are not those of the network to train.
    func teacher(_ path: FilePath) throws -> (model: Model, sha256: String) {
        let file = try ModelChoice(path).open()
        let model = try Model(file)
        let description = model.description
        let graph = architecture.graph(classes: TileLabel.names.count, dropout: 0)
        let side = tileTarget.side
        let plan = try NetworkPlan(graph, inputShape: [3, side, side])
        guard description.classes == TileLabel.names, description.tileSize == side,
            model.network.outputShape == plan.shapes[graph.output]
        else {
            func text(_ architecture: Architecture, _ side: Int, _ classes: [String]) -> String {
                "the outputs of \(architecture.rawValue) for \(classes.joined(separator: ", ")) in tiles of \(side) pixels"
            }
            throw FileError(
                path, expected: "a model with " + text(architecture, side, TileLabel.names),
                found: text(description.architecture, description.tileSize, description.classes))
        }
        if let own = description.micronsPerPixel, let micronsPerPixel, own != micronsPerPixel {
            throw FileError(
                path, expected: "a model for \(micronsPerPixel) microns per pixel", found: "one for \(own)")
        }
        let copy = try Model(description, records: model.records)
        copy.network.copyState(of: model.network)
        return (copy, file.sha256)
    }
}
