import Tensors

/// A layer in 16-bit fixed point, which can only run forward. Tensors of its images hold pairs of channels; see
/// `FixedPointConvolution`.
package protocol FixedPointLayer: Layer {}

/// A layer in fixed point that multiplies with packed weights, its first parameter.
package protocol FixedPointProduct: FixedPointLayer, CostedLayer {
    var packedCount: Int { get }
}

extension FixedPointProduct {
    /// Multiplications and additions for one sample, by the definition.
    package func flops(for inputs: [Shape]) -> Double { 2 * Double(inferenceCost(for: inputs).multiplications) }
}

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

/// A convolution in fixed point, and a residual that is the second input, if there is one. Its only parameter has the
/// packed weights and biases.
package struct FixedPointConvolutionLayer: FixedPointProduct, SpatialLayer {
    package let name: String
    package private(set) var convolution: FixedPointConvolution

    init(name: String, convolution: FixedPointConvolution) {
        (self.name, self.convolution) = (name, convolution)
    }

    package var slidingWindows: [SlidingWindow] {
        let c = convolution
        let window = SlidingWindow(size: c.kernel, stride: c.stride, padding: c.padding)
        return c.maxPooling ? [window, SlidingWindow(size: 2, stride: 2, padding: 0)] : [window]
    }

    /// Parts of images have the bits of the whole.
    package func borderVariant(sideBySide: Bool) -> any SpatialLayer {
        var layer = self
        layer.convolution.padding = 0
        layer.convolution.columnStride = sideBySide ? convolution.kernel : nil
        return layer
    }

    /// The relative times are measured with AVX-512. Winograd's transforms do fewer multiplications than are counted here.
    package func inferenceCost(for inputs: [Shape]) -> InferenceCost {
        let c = convolution, sums = c.residualShape(for: inputs[0])
        return InferenceCost(
            multiplications: sums[1] * sums[2] * c.channels * c.kernel * c.kernel * c.filters,
            relativeTime: c.isTransformed ? 0.3 : 0.5, relativeDirectTime: 0.5)
    }

    package var packedCount: Int { convolution.packedCount }

    package func outputShape(for inputs: [Shape]) throws -> Shape {
        try requireImage(Array(inputs.prefix(1)))
        let residuals = convolution.residualScale == nil ? [] : [convolution.residualShape(for: inputs[0])]
        guard Array(inputs.dropFirst()) == residuals else {
            throw LayerError(description: "\(name): expected residuals \(residuals), found \(inputs.dropFirst())")
        }
        let output = convolution.outputShape(for: inputs[0])
        guard output.count > 0 else { throw LayerError(description: "\(name): does not fit \(inputs[0])") }
        return output
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
            y, x[0], residual: x.count > 1 ? x[1] : nil, packed: memory.parameters[0], convolution,
            scratch: memory.scratch)
    }
}

/// A dense layer in fixed point, whose inputs and outputs are floats.
package struct FixedPointLinearLayer: FixedPointProduct, WindowReader {
    package let name: String
    package let linear: FixedPointLinear

    package func outputShape(for inputs: [Shape]) -> Shape { [linear.outputs] }

    package func parameters(for inputs: [Shape]) -> [TensorDeclaration] {
        [
            TensorDeclaration(name: "packed", shape: [linear.packedCount], initial: .constant(0)),
            TensorDeclaration(name: "bias", shape: [linear.outputs], initial: .constant(0)),
        ]
    }

    /// The time is relative to a dense layer of floats. Measured with AVX-512.
    package func inferenceCost(for inputs: [Shape]) -> InferenceCost {
        InferenceCost(multiplications: inputs[0].count * linear.outputs, relativeTime: 0.6)
    }

    package var packedCount: Int { linear.packedCount }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        var traits = MemoryTraits()
        traits.scratchCount = linear.scratchCount(batch: batch)
        return traits
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        try Kernels.fixedPointForward(
            y, x[0], packed: memory.parameters[0], bias: memory.parameters[1], linear, scratch: memory.scratch)
    }

    func forward(_ y: Tensor, _ windows: FeatureWindows, parameters: [Tensor], scratch: (Int) -> Tensor) throws {
        try Kernels.fixedPointForward(
            y, windows, packed: parameters[0], bias: parameters[1], linear,
            scratch: scratch(Kernels.scratchCount(windows, linear)))
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
