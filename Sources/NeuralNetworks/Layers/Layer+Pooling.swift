import Tensors

/// The mean or the maximum of square windows. Windows that do not fit completely are dropped. Padding, which is never the
/// maximum, is for maxima only.
package struct PoolingLayer: SpatialLayer {
    package enum Kind: Sendable {
        case average, maximum
    }

    package let name: String
    let kind: Kind
    let window: Int
    let stride: Int
    /// The horizontal stride, if it differs from the vertical one.
    private var horizontalStride: Int?
    private(set) var padding: Int

    package init(_ name: String, _ kind: Kind, window: Int, stride: Int, padding: Int = 0) {
        precondition(padding == 0 || kind == .maximum, "padding in average pooling")
        self.name = name
        self.kind = kind
        self.window = window
        self.stride = stride
        self.padding = padding
    }

    package var slidingWindows: [SlidingWindow] {
        [SlidingWindow(size: window, stride: stride, padding: padding, paddingValue: kind == .maximum ? -.infinity : 0)]
    }

    private func pooling(_ input: Shape) -> Pooling {
        Pooling(
            channels: input[0], height: input[1], width: input[2], window: (window, window),
            stride: (stride, horizontalStride ?? stride), padding: (padding, padding))
    }

    package func borderVariant(sideBySide: Bool) -> any SpatialLayer {
        var layer = self
        layer.padding = 0
        layer.horizontalStride = sideBySide ? window : nil
        return layer
    }

    package func outputShape(for inputs: [Shape]) throws -> Shape {
        try requireImage(inputs)
        return try pooling(inputs[0]).outputShape()
    }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        var traits = MemoryTraits()
        traits.backwardReads = kind == .maximum ? .inputs : []
        return traits
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        let pooling = pooling(x[0].shape.sample)
        switch kind {
        case .average: try Kernels.averagePoolForward(y, x[0], pooling)
        case .maximum: try Kernels.maxPoolForward(y, x[0], pooling)
        }
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        guard let gx = gx[0] else { return }
        let pooling = pooling(x[0].shape.sample)
        switch kind {
        case .average: try Kernels.averagePoolBackward(gx, gy: gy, pooling)
        case .maximum: try Kernels.maxPoolBackward(gx, gy: gy, x[0], pooling)
        }
    }
}

/// The mean of each channel and, with `maximum`, then the maximum of each channel: C or 2 * C numbers for images of any
/// size.
package struct GlobalPoolingLayer: Layer {
    package let name: String
    let maximum: Bool

    package init(_ name: String, maximum: Bool = true) {
        self.name = name
        self.maximum = maximum
    }

    package func memoryTraits(for inputs: [Shape], batch: Int) -> MemoryTraits {
        var traits = MemoryTraits()
        traits.backwardReads = maximum ? .inputs : []
        return traits
    }

    package func outputShape(for inputs: [Shape]) throws -> Shape {
        try requireImage(inputs)
        return [(maximum ? 2 : 1) * inputs[0][0]]
    }

    package func forward(_ y: Tensor, _ x: [Tensor], _ memory: LayerMemory, _ pass: Pass) throws {
        try Kernels.globalPoolForward(y, x[0], maximum: maximum)
    }

    package func backward(
        _ gx: [Tensor?], gy: Tensor, x: [Tensor], y: Tensor, gradients: [Tensor?], _ memory: LayerMemory, _ pass: Pass
    ) throws {
        if let gx = gx[0] { try Kernels.globalPoolBackward(gx, gy: gy, x[0], maximum: maximum) }
    }
}
