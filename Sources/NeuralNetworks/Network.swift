import Tensors

/// A chain of layers with its parameters.
package final class Network {
    package let layers: [any Layer]
    /// Shape of one sample: channels x height x width.
    package let inputShape: Shape
    /// Shapes of one sample's output after each layer.
    package let outputShapes: [Shape]
    package let parameters: ParameterSet
    /// For each layer, where its parameters stand in `parameters`.
    let parameterRanges: [Range<Int>]
    private let bounds: [Float]

    /// A network whose parameters are zero. Throws when a layer does not fit the one before it.
    package convenience init(_ layers: [any Layer], inputShape: Shape) throws {
        self.init(try NetworkPlan(layers, inputShape: inputShape))
    }

    /// The network of a plan, its parameters zero.
    package init(_ plan: NetworkPlan) {
        layers = plan.layers
        inputShape = plan.inputShape
        outputShapes = plan.outputShapes
        parameterRanges = plan.parameterRanges
        bounds = plan.bounds
        parameters = ParameterSet(plan.layout)
    }

    /// Shape of one sample's logits.
    package var outputShape: Shape { outputShapes.last ?? inputShape }

    /// Gives every parameter the initial value that PyTorch's layers draw, from streams of `seed`.
    package func initialize(seed: UInt64) throws {
        for (index, tensor) in parameters.tensors.enumerated() {
            let bound = bounds[index]
            let stream = SplitMix64.derive(seed, [0x696E_6974, UInt64(index)])
            try Kernels.randomUniform(tensor, in: -bound..<bound, seed: stream)
        }
    }

    /// The first layer with parameters: no gradient is needed below it.
    var firstTrainedLayer: Int { parameterRanges.firstIndex { !$0.isEmpty } ?? 0 }
}

/// Layers that fit each other, and the parameters that they need; no memory yet.
package struct NetworkPlan {
    let layers: [any Layer]
    let inputShape: Shape
    let outputShapes: [Shape]
    let parameterRanges: [Range<Int>]
    let bounds: [Float]
    package let layout: ParameterSet.Layout

    /// Throws when a layer does not fit the one before it.
    package init(_ layers: [any Layer], inputShape: Shape) throws {
        precondition(Set(layers.map(\.name)).count == layers.count, "two layers have one name")
        self.layers = layers
        self.inputShape = inputShape
        var shape = inputShape
        var outputShapes = [Shape]()
        var declarations = [(name: String, shape: Shape)]()
        var bounds = [Float]()
        var ranges = [Range<Int>]()
        for layer in layers {
            let output = try layer.outputShape(for: shape)
            let first = declarations.count
            for parameter in layer.parameters(for: shape) {
                declarations.append((name: "\(layer.name).\(parameter.name)", shape: parameter.shape))
                bounds.append(parameter.bound)
            }
            ranges.append(first..<declarations.count)
            shape = output
            outputShapes.append(shape)
        }
        self.outputShapes = outputShapes
        self.bounds = bounds
        parameterRanges = ranges
        layout = ParameterSet.Layout(declarations)
    }
}
