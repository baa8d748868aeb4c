import Tensors

/// A layer in 16-bit fixed point, which can only run forward. Tensors of its images hold pairs of channels; see
/// `FixedPointConvolution`.
package protocol FixedPointLayer: Layer {}

extension FixedPointLayer {
    package func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String {
        preconditionFailure("\(name): networks are exported with floats")
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        preconditionFailure("\(name): a backward pass in fixed point")
    }
}

/// A convolution in fixed point. Its only parameter has the packed weights and biases.
package struct FixedPointConvolutionLayer: FixedPointLayer {
    package let name: String
    package let convolution: FixedPointConvolution

    /// Multiplications and additions for one sample, by the definition.
    package func flops(for input: Shape) -> Double {
        let outputs = convolution.outputShape(for: input)
        let products = convolution.channels * convolution.kernel * convolution.kernel * convolution.filters
        return 2 * Double(outputs[1] * outputs[2] * products)
    }

    package func outputShape(for inputs: [Shape]) throws -> Shape {
        try requireImage(inputs)
        return convolution.outputShape(for: inputs[0])
    }

    package func parameters(for inputs: [Shape]) -> [TensorDeclaration] {
        [TensorDeclaration(name: "packed", shape: [convolution.packedCount], initial: .constant(0))]
    }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        var traits = MemoryTraits()
        traits.scratchCount = convolution.scratchCount(batch: batch, inputs[0])
        return traits
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        try Kernels.fixedPointForward(
            y, x[0], packed: memory.parameters[0], convolution, scratch: memory.scratch)
    }
}

/// `UpsampleAddLayer` in fixed point.
package struct FixedPointUpsampleAddLayer: FixedPointLayer {
    package let name: String

    package func outputShape(for inputs: [Shape]) throws -> Shape {
        try UpsampleAddLayer(name).outputShape(for: inputs)
    }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        UpsampleAddLayer(name).memoryTraits(for: inputs, batch: batch)
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        try Kernels.fixedPointUpsampleAdd(y, skip: x[0], x[1])
    }
}
