import Tensors

/// One operation of a network: a value without state of its own. The network provides all memory. In every tensor the
/// first dimension is the batch.
package protocol Layer {
    var name: String { get }
    /// Shape of one sample's output for inputs of the given shapes. Throws when the layer does not accept them.
    func outputShape(for inputs: [Shape]) throws -> Shape
    /// The tensors that training changes by gradients.
    func parameters(for inputs: [Shape]) -> [TensorDeclaration]
    /// The tensors that training forward passes update without gradients, such as running statistics.
    func buffers(for inputs: [Shape]) -> [TensorDeclaration]
    /// Memory requirements for batches of samples with the given input shapes.
    func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits

    /// Adds the operations of inference to a graph for other programs, and returns the name of the output. `x` names the
    /// inputs, of the given shapes; `state` the constants of the parameters, then of the buffers.
    func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String
    func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws
    /// Computes the gradients with respect to the inputs, except where `gx` is nil, and with respect to the parameters.
    /// `gradients` are nil for parameters that training leaves unchanged; that of `MemoryTraits.productParameter` may be nil.
    func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws
}

extension Layer {
    package func parameters(for inputs: [Shape]) -> [TensorDeclaration] { [] }
    package func buffers(for inputs: [Shape]) -> [TensorDeclaration] { [] }
    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits { MemoryTraits() }

    /// Throws unless there is one input of channels x height x width.
    func requireImage(_ inputs: [Shape]) throws(LayerError) {
        guard inputs.count == 1, inputs[0].dimensions.count == 3 else {
            let found = inputs.map(\.description).joined(separator: ", ")
            throw LayerError(description: "\(name): expected samples of channels x height x width, found \(found)")
        }
    }
}

/// The mode of one pass through the layers. `Convolution.Pass` is a different concept: it names the three computations of a
/// convolution kernel, for which algorithms are selected.
package enum Pass {
    case inference
    /// Random layers draw from streams of this seed.
    case training(seed: UInt64)
}

/// Memory that a network provides to a layer for a pass.
package struct LayerMemory {
    /// In the order of `parameters(for:)`.
    package let parameters: [Tensor]
    /// In the order of `buffers(for:)`.
    package let buffers: [Tensor]
    /// Values that a training forward pass saves for the backward pass.
    package let kept: Tensor
    package let scratch: Tensor

    package init(parameters: [Tensor], buffers: [Tensor], kept: Tensor, scratch: Tensor) {
        self.parameters = parameters
        self.buffers = buffers
        self.kept = kept
        self.scratch = scratch
    }
}

/// A tensor that a layer needs; the name is unique within the layer.
package struct TensorDeclaration {
    package enum Initial {
        /// Uniform in [-bound, bound).
        case uniform(bound: Float)
        case constant(Float)
    }

    package let name: String
    package let shape: Shape
    package let initial: Initial
}

extension TensorDeclaration.Initial {
    /// PyTorch's default for weights and biases of convolutions and dense layers: Kaiming-uniform with a = sqrt(5),
    /// which equals a bound of 1 / sqrt(fan-in).
    static func pytorchDefault(fanIn: Int) -> Self { .uniform(bound: Float(1 / Double(fanIn).squareRoot())) }

    /// Uniform weights that keep the variance of gradients through layers with ReLU (He et al. 2015; PyTorch's
    /// `kaiming_uniform_` with `mode="fan_out", nonlinearity="relu"`).
    static func he(fanOut: Int) -> Self { .uniform(bound: Float((6 / Double(fanOut)).squareRoot())) }
}

/// Samples whose shape a layer does not accept.
package struct LayerError: Error, CustomStringConvertible {
    package let description: String
}
