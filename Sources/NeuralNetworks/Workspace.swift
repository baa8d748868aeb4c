import Tensors

/// Memory for passes of batches through a network, planned once: activations, gradients and scratch.
///
/// Fill `input`, then call `forward` and, in a workspace for training, `backward`.
package final class Workspace {
    package enum Purpose {
        case inference, training
    }

    package let network: Network
    package let capacity: Int
    private let purpose: Purpose
    private let inputMemory: Tensor
    /// Where each layer's output lies, for `capacity` samples.
    private let outputMemory: [Tensor]
    /// Two buffers that gradients by activations take in turns.
    private let gradientMemory: [Tensor]
    private let scratch: Tensor
    private var batch: Batch
    private var lastPass = Pass.inference

    /// Views for one batch size, made when the size changes.
    private struct Batch {
        let size: Int
        let input: Tensor
        let outputs: [Tensor]
        /// Gradient by each layer's output; nothing needs that by the input.
        let gradients: [Tensor]
    }

    package init(_ network: Network, capacity: Int, purpose: Purpose) {
        precondition(capacity >= 1)
        self.network = network
        self.capacity = capacity
        self.purpose = purpose
        let inputShapes = [network.inputShape] + network.outputShapes.dropLast()
        inputMemory = Tensor(network.inputShape.batched(capacity))
        let largest = network.outputShapes.map(\.count).max() ?? 0
        // At inference two buffers serve all layers in turns; in training every output is kept for backward.
        let turns = purpose == .inference ? [Tensor([capacity * largest]), Tensor([capacity * largest])] : []
        var memory = [Tensor]()
        for (index, layer) in network.layers.enumerated() {
            let previous = memory.last
            if let previous, layer.worksInPlace || (purpose == .inference && layer.isIdentityAtInference) {
                memory.append(previous)
            } else if purpose == .inference {
                memory.append(previous === turns[0] ? turns[1] : turns[0])
            } else {
                memory.append(Tensor([capacity * network.outputShapes[index].count]))
            }
        }
        outputMemory = memory
        gradientMemory = purpose == .training ? [Tensor([capacity * largest]), Tensor([capacity * largest])] : []
        let needed = zip(network.layers, inputShapes).map { $0.scratchCount(batch: capacity, input: $1) }
        scratch = Tensor([max(1, needed.max() ?? 1)])
        batch = Batch(size: 0, input: inputMemory.view([0]), outputs: [], gradients: [])
        setBatch(capacity)
    }

    /// The samples of the batch: size x channels x height x width, to be filled by the caller.
    package var input: Tensor { batch.input }
    /// What `forward` computed: size x classes.
    package var logits: Tensor { batch.outputs.last ?? batch.input }
    /// To be filled with the gradient by the logits before `backward`.
    package var logitsGradient: Tensor { batch.gradients[batch.gradients.count - 1] }

    /// Sets how many samples the next passes have, at most `capacity`. Allocates only when the size changes.
    package func setBatch(_ size: Int) {
        precondition(size >= 1 && size <= capacity, "a batch of \(size) in a workspace for \(capacity)")
        guard size != batch.size else { return }
        let shapes = network.outputShapes
        var gradients = [Tensor]()
        if purpose == .training {
            var turn = 0
            // From the logits down; a layer in place hands its gradient on in the memory it came in.
            for (index, layer) in network.layers.enumerated().reversed() {
                gradients.append(gradientMemory[turn].view(shapes[index].batched(size)))
                if !layer.worksInPlace { turn = 1 - turn }
            }
            gradients.reverse()
        }
        batch = Batch(
            size: size, input: inputMemory.view(network.inputShape.batched(size)),
            outputs: zip(outputMemory, shapes).map { $0.view($1.batched(size)) }, gradients: gradients)
    }

    /// Runs the batch through all layers; returns the logits.
    @discardableResult
    package func forward(_ pass: Pass) throws -> Tensor {
        lastPass = pass
        var x = batch.input
        for (index, layer) in network.layers.enumerated() {
            let y = batch.outputs[index]
            if case .inference = pass, layer.isIdentityAtInference, outputMemory[index] === memory(before: index) {
                x = y
                continue
            }
            try layer.forward(
                y, x, parameters: parameters(of: index, in: network.parameters), pass: pass, scratch: scratch)
            x = y
        }
        return x
    }

    /// Computes the gradient by every parameter, from `logitsGradient` and the last forward pass.
    package func backward(into gradients: ParameterSet) throws {
        precondition(purpose == .training, "a backward pass needs a workspace for training")
        let first = network.firstTrainedLayer
        for index in network.layers.indices.reversed() where index >= first {
            let x = index == 0 ? batch.input : batch.outputs[index - 1]
            try network.layers[index].backward(
                index > first ? batch.gradients[index - 1] : nil, gy: batch.gradients[index], x: x,
                y: batch.outputs[index], parameters: parameters(of: index, in: network.parameters),
                gradients: parameters(of: index, in: gradients), pass: lastPass, scratch: scratch)
        }
    }

    private func memory(before index: Int) -> Tensor { index == 0 ? inputMemory : outputMemory[index - 1] }

    private func parameters(of index: Int, in set: ParameterSet) -> [Tensor] {
        Array(set.tensors[network.parameterRanges[index]])
    }
}
