import Tensors

/// A parameter that a layer needs: its name within the layer, its shape, and the bound of its uniform initialisation.
package struct ParameterDeclaration {
    package let name: String
    package let shape: Shape
    /// Initial values are uniform in [-bound, bound).
    package let bound: Float
}

/// What one pass over the layers is for.
package enum Pass {
    case inference
    /// Random layers draw from streams of this seed.
    case training(seed: UInt64)
}

/// One step of a network. Layers are values without state: parameters, activations and scratch are lent to them, in
/// the order of `parameters(for:)`. Batches come first in every tensor.
package protocol Layer {
    var name: String { get }
    /// Shape of one sample's output. Throws when such samples do not fit the layer.
    func outputShape(for input: Shape) throws -> Shape
    func parameters(for input: Shape) -> [ParameterDeclaration]
    /// Whether the output may lie in the memory of the input, which is then lost.
    var worksInPlace: Bool { get }
    /// Whether the layer does nothing at inference.
    var isIdentityAtInference: Bool { get }
    /// Floats of scratch for forward and backward.
    func scratchCount(batch: Int, input: Shape) -> Int

    func forward(_ y: Tensor, _ x: Tensor, parameters: [Tensor], pass: Pass, scratch: Tensor) throws
    /// Computes gradients by the parameters and, unless `gx` is nil, by the input. `x` and `y` are as forward left
    /// them; `gy` may be the same tensor as `gx` when the layer works in place.
    func backward(
        _ gx: Tensor?, gy: Tensor, x: Tensor, y: Tensor, parameters: [Tensor], gradients: [Tensor], pass: Pass,
        scratch: Tensor) throws
}

extension Layer {
    package func parameters(for input: Shape) -> [ParameterDeclaration] { [] }
    package var worksInPlace: Bool { false }
    package var isIdentityAtInference: Bool { false }
    package func scratchCount(batch: Int, input: Shape) -> Int { 0 }
}

/// A layer was given samples that it cannot take.
package struct LayerError: Error, CustomStringConvertible {
    package let description: String
}

/// The bound of PyTorch's default initialisation of weights and biases of convolutions and dense layers:
/// Kaiming-uniform with a = sqrt 5, which comes to 1 / sqrt(fan-in).
func defaultBound(fanIn: Int) -> Float { Float(1 / Double(fanIn).squareRoot()) }
