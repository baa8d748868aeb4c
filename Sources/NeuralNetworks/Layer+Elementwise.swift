import Tensors

/// max(x, 0), in the memory of its input: its gradient needs the output only.
package struct ReLULayer: Layer {
    package let name: String
    package var worksInPlace: Bool { true }

    package init(_ name: String) {
        self.name = name
    }

    package func outputShape(for input: Shape) -> Shape { input }

    package func forward(_ y: Tensor, _ x: Tensor, parameters: [Tensor], pass: Pass, scratch: Tensor) throws {
        try Kernels.reluForward(y, x)
    }

    package func backward(
        _ gx: Tensor?, gy: Tensor, x: Tensor, y: Tensor, parameters: [Tensor], gradients: [Tensor], pass: Pass,
        scratch: Tensor
    ) throws {
        if let gx { try Kernels.reluBackward(gx, gy: gy, y: y) }
    }
}

/// Inverted dropout: in training each element is zeroed with a probability and the rest scaled up; at inference
/// nothing happens.
package struct DropoutLayer: Layer {
    package let name: String
    let probability: Float
    /// Tells the streams of several dropout layers apart.
    let stream: UInt64
    package var isIdentityAtInference: Bool { true }

    package init(_ name: String, probability: Float, stream: UInt64) {
        self.name = name
        self.probability = probability
        self.stream = stream
    }

    package func outputShape(for input: Shape) -> Shape { input }

    package func forward(_ y: Tensor, _ x: Tensor, parameters: [Tensor], pass: Pass, scratch: Tensor) throws {
        switch pass {
        case .inference: y.copy(from: x)
        case .training(let seed):
            try Kernels.dropout(y, x, probability: probability, seed: SplitMix64.derive(seed, [stream]))
        }
    }

    package func backward(
        _ gx: Tensor?, gy: Tensor, x: Tensor, y: Tensor, parameters: [Tensor], gradients: [Tensor], pass: Pass,
        scratch: Tensor
    ) throws {
        if let gx { try forward(gx, gy, parameters: [], pass: pass, scratch: scratch) }
    }
}
