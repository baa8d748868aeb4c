import Tensors

/// A tensor that a layer needs, by its name within the layer.
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

/// What one pass over the layers is for.
package enum Pass {
    case inference
    /// Random layers draw from streams of this seed.
    case training(seed: UInt64)
}

/// What a network lends a layer for a pass.
package struct LayerMemory {
    /// In the order of `parameters(for:)`.
    package let parameters: [Tensor]
    /// In the order of `buffers(for:)`.
    package let buffers: [Tensor]
    /// What a training pass forward leaves for the pass backward.
    package let kept: Tensor
    package let scratch: Tensor

    package init(parameters: [Tensor], buffers: [Tensor], kept: Tensor, scratch: Tensor) {
        self.parameters = parameters
        self.buffers = buffers
        self.kept = kept
        self.scratch = scratch
    }
}

/// One step of a network. Layers are values without state: all memory is lent to them. Batches come first in every
/// tensor.
package protocol Layer {
    var name: String { get }
    /// Shape of one sample's output, from those of the inputs. Throws when such samples do not fit the layer.
    func outputShape(for inputs: [Shape]) throws -> Shape
    /// What training changes by gradients.
    func parameters(for inputs: [Shape]) -> [TensorDeclaration]
    /// What else the layer knows: changed by passes forward in training, not by gradients.
    func buffers(for inputs: [Shape]) -> [TensorDeclaration]
    /// Whether the output may lie in the memory of the first input, which is then lost, and the gradient by the first
    /// input in that of the gradient by the output.
    var worksInPlace: Bool { get }
    /// Whether the layer does nothing at inference.
    var isIdentityAtInference: Bool { get }
    /// Whether `backward` reads its `x`, or its `y`; where it does not, their memory may have become others'.
    var backwardReads: (inputs: Bool, output: Bool) { get }
    /// Whether the gradients by all inputs are the same numbers. `backward` is then asked for one of them only.
    var hasEqualGradients: Bool { get }
    /// The windows, one after the other, through which an output sees the first input; the other inputs are taken at the
    /// output's place. None where all inputs are; nil where outputs see more than a part of an image.
    var spatialSteps: [SpatialStep]? { get }
    /// The same layer for parts of images that bring their padding with them; where parts lie side by side, its windows
    /// follow each other without overlap from left to right. Nil where there is none.
    func onParts(sideBySide: Bool) -> (any Layer)?
    /// The layer that makes some channels of the output, of all inputs and the same part of each parameter; nil where
    /// there is none.
    func sliced(_ channels: Range<Int>) -> (any Layer)?
    /// Multiplications for one sample, where they are many, and how long one takes, about: one of a dense layer takes 1.
    func work(for inputs: [Shape]) -> (multiplications: Int, each: Double)
    /// The position, among the layer's parameters, of weights [O][I] whose gradient is nothing but gy transposed times
    /// the input, and too large to be stored for no need.
    func productParameter(for inputs: [Shape]) -> Int?
    /// Floats that a training pass keeps for `backward`.
    func keptCount(batch: Int, inputs: [Shape]) -> Int
    /// Floats of scratch for forward and backward.
    func scratchCount(batch: Int, inputs: [Shape]) -> Int

    func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws
    /// Computes gradients by the inputs, except those whose `gx` is nil, and by the parameters. Only that of
    /// `productParameter` may have no place in `gradients`.
    func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws
}

extension Layer {
    package func parameters(for inputs: [Shape]) -> [TensorDeclaration] { [] }
    package func buffers(for inputs: [Shape]) -> [TensorDeclaration] { [] }
    package var worksInPlace: Bool { false }
    package var isIdentityAtInference: Bool { false }
    package var backwardReads: (inputs: Bool, output: Bool) { (true, false) }
    package var hasEqualGradients: Bool { false }
    package var spatialSteps: [SpatialStep]? { nil }
    package func onParts(sideBySide: Bool) -> (any Layer)? { spatialSteps?.isEmpty == true ? self : nil }
    package func sliced(_ channels: Range<Int>) -> (any Layer)? { nil }
    package func work(for inputs: [Shape]) -> (multiplications: Int, each: Double) { (0, 1) }
    package func productParameter(for inputs: [Shape]) -> Int? { nil }
    package func keptCount(batch: Int, inputs: [Shape]) -> Int { 0 }
    package func scratchCount(batch: Int, inputs: [Shape]) -> Int { 0 }

    /// Throws unless there is one input, of channels x height x width.
    func requireImage(_ inputs: [Shape]) throws(LayerError) {
        guard inputs.count == 1, inputs[0].dimensions.count == 3 else {
            let found = inputs.map(\.description).joined(separator: ", ")
            throw LayerError(description: "\(name): expected samples of channels x height x width, found \(found)")
        }
    }
}

/// A layer was given samples that it cannot take.
package struct LayerError: Error, CustomStringConvertible {
    package let description: String
}

/// The bound of PyTorch's default initialisation of weights and biases of convolutions and dense layers:
/// Kaiming-uniform with a = sqrt 5, which comes to 1 / sqrt(fan-in).
func defaultBound(fanIn: Int) -> Float { Float(1 / Double(fanIn).squareRoot()) }

/// The bound of uniform weights that keep the variance of gradients through layers with ReLU (He et al. 2015; PyTorch's
/// `kaiming_uniform_` with `mode="fan_out", nonlinearity="relu"`).
func heBound(fanOut: Int) -> Float { Float((6 / Double(fanOut)).squareRoot()) }
