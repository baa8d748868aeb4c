import Tensors

/// max(x, 0), in the memory of its input: its gradient needs the output only.
package struct ReLULayer: Layer {
    package let name: String
    package var worksInPlace: Bool { true }
    package var spatialSteps: [SpatialStep]? { [] }
    package var backwardReads: (inputs: Bool, output: Bool) { (false, true) }

    package init(_ name: String) {
        self.name = name
    }

    package func outputShape(for inputs: [Shape]) -> Shape { inputs[0] }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        try Kernels.reluForward(y, x[0])
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        if let gx = gx[0] { try Kernels.reluBackward(gx, gy: gy, y: y) }
    }
}

/// The sum of two inputs, with max(y, 0) behind it: the end of a residual block (He et al. 2016).
package struct AddReLULayer: Layer {
    package let name: String
    package var worksInPlace: Bool { true }
    package var spatialSteps: [SpatialStep]? { [] }
    package var backwardReads: (inputs: Bool, output: Bool) { (false, true) }
    package var hasEqualGradients: Bool { true }

    package init(_ name: String) {
        self.name = name
    }

    package func outputShape(for inputs: [Shape]) throws -> Shape {
        guard inputs.count == 2, inputs[0] == inputs[1] else {
            let found = inputs.map(\.description).joined(separator: ", ")
            throw LayerError(description: "\(name): expected two inputs of one shape, found \(found)")
        }
        return inputs[0]
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        try Kernels.add(y, x[0], x[1], relu: true)
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        for case let gx? in gx { try Kernels.reluBackward(gx, gy: gy, y: y) }
    }
}

/// Inverted dropout: in training each element is zeroed with a probability and the rest scaled up; at inference
/// nothing happens.
package struct DropoutLayer: Layer {
    package let name: String
    let probability: Float
    /// Tells the streams of several dropout layers apart.
    let stream: UInt64
    package var worksInPlace: Bool { true }
    package var spatialSteps: [SpatialStep]? { [] }
    package var isIdentityAtInference: Bool { true }
    package var backwardReads: (inputs: Bool, output: Bool) { (false, false) }

    package init(_ name: String, probability: Float, stream: UInt64) {
        self.name = name
        self.probability = probability
        self.stream = stream
    }

    package func outputShape(for inputs: [Shape]) -> Shape { inputs[0] }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        switch pass {
        case .inference: y.copy(from: x[0])
        case .training(let seed):
            try Kernels.dropout(y, x[0], probability: probability, seed: SplitMix64.derive(seed, [stream]))
        }
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        if let gx = gx[0] { try forward(gx, [gy], memory, pass) }
    }
}
