import Tensors

/// max(x, 0).
package struct ReLULayer: SpatialLayer {
    package let name: String
    package var slidingWindows: [SlidingWindow] { [] }

    package init(_ name: String) {
        self.name = name
    }

    package func outputShape(for inputs: [Shape]) -> Shape { inputs[0] }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        var traits = MemoryTraits()
        traits.worksInPlace = true
        traits.backwardReads = .output
        return traits
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        try Kernels.reluForward(y, x[0])
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        if let gx = gx[0] { try Kernels.reluBackward(gx, gy: gy, y: y) }
    }
}

/// max(x1 + x2, 0): the end of a residual block (He et al. 2016).
package struct AddReLULayer: SpatialLayer {
    package let name: String
    package var slidingWindows: [SlidingWindow] { [] }

    package init(_ name: String) {
        self.name = name
    }

    package func outputShape(for inputs: [Shape]) throws -> Shape {
        guard inputs.count == 2, inputs[0] == inputs[1] else {
            let found = inputs.map(\.description).joined(separator: ", ")
            throw LayerError(description: "\(name): expected two inputs of the same shape, found \(found)")
        }
        return inputs[0]
    }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        var traits = MemoryTraits()
        traits.worksInPlace = true
        traits.backwardReads = .output
        traits.hasEqualInputGradients = true
        return traits
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

/// Inverted dropout: training sets each element to zero with the given probability and scales the others up; inference
/// changes nothing.
package struct DropoutLayer: SpatialLayer {
    package let name: String
    let probability: Float
    /// Gives each dropout layer of a network random numbers of its own.
    let stream: UInt64
    package var slidingWindows: [SlidingWindow] { [] }

    package init(_ name: String, probability: Float, stream: UInt64) {
        self.name = name
        self.probability = probability
        self.stream = stream
    }

    package func outputShape(for inputs: [Shape]) -> Shape { inputs[0] }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        var traits = MemoryTraits()
        traits.worksInPlace = true
        traits.isIdentityAtInference = true
        traits.backwardReads = []
        return traits
    }

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
