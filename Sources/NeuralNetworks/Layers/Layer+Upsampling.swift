import Tensors

/// The sum of a finer image and a coarser one of half its size, whose pixels are repeated 2 x 2 times: a step up in the
/// decoder of a network that outlines. The finer image is the first input.
package struct UpsampleAddLayer: Layer {
    package let name: String

    package init(_ name: String) {
        self.name = name
    }

    package func outputShape(for inputs: [Shape]) throws -> Shape {
        let found = inputs.map(\.description).joined(separator: ", ")
        guard inputs.count == 2, inputs.allSatisfy({ $0.dimensions.count == 3 }) else {
            throw LayerError(description: "\(name): expected two images, found \(found)")
        }
        let (fine, coarse) = (inputs[0], inputs[1])
        guard coarse == [fine[0], (fine[1] + 1) / 2, (fine[2] + 1) / 2] else {
            throw LayerError(
                description: "\(name): expected an image and one of half its size with as many channels, found \(found)"
            )
        }
        return fine
    }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        var traits = MemoryTraits()
        traits.worksInPlace = true
        traits.backwardReads = []
        return traits
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        try Kernels.upsampleAddForward(y, skip: x[0], x[1])
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        if let coarse = gx[1] { try Kernels.upsampleAddBackward(coarse, gy: gy) }
        if let fine = gx[0], fine !== gy { fine.copy(from: gy) }
    }
}

/// An image of twice the size, whose pixels are the channels of the input: four channels become the pixels of 2 x 2 squares
/// (sub-pixel convolution; Shi et al. 2016).
package struct PixelShuffleLayer: Layer {
    package let name: String

    package init(_ name: String) {
        self.name = name
    }

    package func outputShape(for inputs: [Shape]) throws -> Shape {
        try requireImage(inputs)
        guard inputs[0][0].isMultiple(of: 4) else {
            throw LayerError(description: "\(name): expected a multiple of 4 channels, found \(inputs[0][0])")
        }
        return [inputs[0][0] / 4, 2 * inputs[0][1], 2 * inputs[0][2]]
    }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        var traits = MemoryTraits()
        traits.backwardReads = []
        return traits
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        try Kernels.pixelShuffleForward(y, x[0])
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        if let gx = gx[0] { try Kernels.pixelShuffleBackward(gx, gy: gy) }
    }
}
