/// A window that slides over an image in both directions.
package struct SpatialStep: Equatable, Sendable {
    package let window: Int
    package let stride: Int
    /// Zeros at each end.
    package let padding: Int

    package init(window: Int, stride: Int, padding: Int) {
        self.window = window
        self.stride = stride
        self.padding = padding
    }
}

/// Features along one axis of an image, and how many of them its ends have a part in.
package struct AxisFeatures: Equatable, Sendable {
    package private(set) var length: Int
    /// The first and the last features that the padding at the ends has a part in: in a larger image that goes on there,
    /// they would be others.
    package private(set) var leading = 0
    package private(set) var trailing = 0
    /// Pixels from one feature to the next.
    package private(set) var stride = 1

    /// The pixels themselves.
    package init(pixels: Int) { length = pixels }

    /// Nil when the window does not fit.
    package func applying(_ step: SpatialStep) -> AxisFeatures? {
        guard length + 2 * step.padding >= step.window else { return nil }
        var result = self
        result.length = (length + 2 * step.padding - step.window) / step.stride + 1
        // Output i sees inputs i * stride - padding ... i * stride - padding + window - 1.
        result.leading = min(result.length, (leading + step.padding + step.stride - 1) / step.stride)
        let last = length - trailing + step.padding - step.window
        let unaffected = last < 0 ? 0 : last / step.stride + 1
        result.trailing = result.length - min(result.length, unaffected)
        result.stride = stride * step.stride
        return result
    }

    /// What a sum of both is affected by.
    func joined(_ other: AxisFeatures) -> AxisFeatures? {
        guard length == other.length, stride == other.stride else { return nil }
        var result = self
        result.leading = max(leading, other.leading)
        result.trailing = max(trailing, other.trailing)
        return result
    }
}

extension Graph {
    /// Features of the values of the first layers, for so many pixels: up to the first layer that sees whole images. Nil
    /// for values that such an image is too small for.
    func axisFeatures(pixels: Int) -> [AxisFeatures?] {
        var values: [AxisFeatures?] = [AxisFeatures(pixels: pixels)]
        for node in nodes {
            guard let steps = node.layer.spatialSteps else { break }
            var value = values[node.inputs[0]]
            for step in steps { value = value?.applying(step) }
            for input in node.inputs.dropFirst() {
                value = values[input].flatMap { other in value?.joined(other) }
            }
            values.append(value)
        }
        return values
    }

    /// Some of the layers in a row, the first of which reads the value before it, and no other from outside.
    func part(_ range: Range<Int>) -> Graph {
        var graph = Graph()
        for node in nodes[range] { graph.append(node.layer, reading: node.inputs.map { $0 - range.lowerBound }) }
        return graph
    }

    /// Whether all that is behind a value depends on the image through that value alone.
    func isCut(_ value: Int) -> Bool {
        nodes[value...].allSatisfy { node in node.inputs.allSatisfy { $0 >= value } }
    }
}
