import Tensors

/// A dense layer. Samples of any shape are flattened in memory order (C, H, W).
package struct LinearLayer: CostedLayer {
    package let name: String
    package let outputs: Int

    package init(_ name: String, outputs: Int) {
        self.name = name
        self.outputs = outputs
    }

    package func outputShape(for inputs: [Shape]) -> Shape { [outputs] }

    /// Whether reading the weights takes most of the time.
    func isLarge(for input: Shape) -> Bool { input.count * outputs >= 1 << 20 }

    package func parameters(for inputs: [Shape]) -> [TensorDeclaration] {
        let initial = TensorDeclaration.Initial.pytorchDefault(fanIn: inputs[0].count)
        return [
            TensorDeclaration(name: "weight", shape: [outputs, inputs[0].count], initial: initial),
            TensorDeclaration(name: "bias", shape: [outputs], initial: initial),
        ]
    }

    package func inferenceCost(for inputs: [Shape]) -> InferenceCost {
        InferenceCost(multiplications: inputs[0].count * outputs, relativeTime: 1)
    }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        var traits = MemoryTraits()
        traits.productParameter = isLarge(for: inputs[0]) ? 0 : nil
        traits.scratchCount = Kernels.linearScratchCount(batch: batch, inputs: inputs[0].count, outputs: outputs)
        return traits
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        try Kernels.linearForward(
            y, x[0], weight: memory.parameters[0], bias: memory.parameters[1], scratch: memory.scratch)
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        if gradients[1] != nil { try Kernels.linearBackwardWeight(gradients[0], gradients[1], gy: gy, x[0]) }
        if let gx = gx[0] { try Kernels.linearBackwardData(gx, gy: gy, weight: memory.parameters[0]) }
    }
}

/// A layer that can read windows of a shared map in place.
protocol WindowReader: Layer {
    /// Inference on windows of a shared map, without copying them. Windows with the map's first channels initialize y,
    /// those with further channels add to it. `scratch` provides a number of floats for the duration of the call.
    func forward(_ y: Tensor, _ windows: FeatureWindows, parameters: [Tensor], scratch: (Int) -> Tensor) throws
}

extension LinearLayer: WindowReader {
    func forward(_ y: Tensor, _ windows: FeatureWindows, parameters: [Tensor], scratch: (Int) -> Tensor) throws {
        try Kernels.linearForward(
            y, windows, weight: parameters[0], bias: parameters[1],
            scratch: scratch(Kernels.linearScratchCount(windows, outputs: outputs)))
    }
}
