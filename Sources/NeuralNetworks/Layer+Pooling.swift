import Tensors

/// The mean or the largest value of square windows; windows that do not fit whole are left out.
package struct PoolingLayer: Layer {
    package enum Kind: Sendable {
        case average, maximum
    }

    package let name: String
    let kind: Kind
    let window: Int
    let stride: Int

    package init(_ name: String, _ kind: Kind, window: Int, stride: Int) {
        self.name = name
        self.kind = kind
        self.window = window
        self.stride = stride
    }

    private func pooling(_ input: Shape) -> Pooling {
        Pooling(
            channels: input[0], height: input[1], width: input[2], window: (window, window), stride: (stride, stride))
    }

    package func outputShape(for input: Shape) throws -> Shape {
        guard input.dimensions.count == 3 else {
            throw LayerError(description: "\(name): expected samples of channels x height x width, found \(input)")
        }
        return try pooling(input).outputShape()
    }

    package func forward(_ y: Tensor, _ x: Tensor, parameters: [Tensor], pass: Pass, scratch: Tensor) throws {
        switch kind {
        case .average: try Kernels.averagePoolForward(y, x, pooling(x.shape.sample))
        case .maximum: try Kernels.maxPoolForward(y, x, pooling(x.shape.sample))
        }
    }

    package func backward(
        _ gx: Tensor?, gy: Tensor, x: Tensor, y: Tensor, parameters: [Tensor], gradients: [Tensor], pass: Pass,
        scratch: Tensor
    ) throws {
        guard let gx else { return }
        switch kind {
        case .average: try Kernels.averagePoolBackward(gx, gy: gy, pooling(x.shape.sample))
        case .maximum: try Kernels.maxPoolBackward(gx, gy: gy, x, pooling(x.shape.sample))
        }
    }
}
