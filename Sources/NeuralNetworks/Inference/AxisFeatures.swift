/// Features along one axis of an image, and how many of them at each end depend on padding.
package struct AxisFeatures: Equatable, Sendable {
    package private(set) var length: Int
    /// Numbers of features at the start and at the end that depend on padding. In a larger image that continues beyond
    /// these ends, they would have other values.
    package private(set) var leading = 0
    package private(set) var trailing = 0
    /// Pixels from one feature to the next.
    package private(set) var stride = 1

    /// The pixels themselves.
    package init(pixels: Int) { length = pixels }

    /// The features after a window has slid over these; nil if the window does not fit.
    package func applying(_ window: SlidingWindow) -> AxisFeatures? {
        guard length + 2 * window.padding >= window.size else { return nil }
        var result = self
        result.length = (length + 2 * window.padding - window.size) / window.stride + 1
        // Output i reads inputs i * stride - padding ... i * stride - padding + size - 1.
        result.leading = min(result.length, (leading + window.padding + window.stride - 1) / window.stride)
        let last = length - trailing + window.padding - window.size
        let unaffected = last < 0 ? 0 : last / window.stride + 1
        result.trailing = result.length - min(result.length, unaffected)
        result.stride = stride * window.stride
        return result
    }

    /// The features of an elementwise sum; nil if the two do not match.
    func joined(_ other: AxisFeatures) -> AxisFeatures? {
        guard length == other.length, stride == other.stride else { return nil }
        var result = self
        result.leading = max(leading, other.leading)
        result.trailing = max(trailing, other.trailing)
        return result
    }
}

extension Graph {
    /// Features of the values computed by the leading spatial layers, for an image with a number of pixels along one
    /// axis. Nil for values that do not exist for such a small image.
    func axisFeatures(pixels: Int) -> PerValue<AxisFeatures?> {
        var values = PerValue<AxisFeatures?>([AxisFeatures(pixels: pixels)])
        for node in nodes {
            guard let layer = node.layer as? any SpatialLayer else { break }
            var features = values[node.inputs[0]]
            for window in layer.slidingWindows { features = features?.applying(window) }
            for input in node.inputs.dropFirst() {
                features = values[input].flatMap { other in features?.joined(other) }
            }
            values.append(features)
        }
        return values
    }
}
