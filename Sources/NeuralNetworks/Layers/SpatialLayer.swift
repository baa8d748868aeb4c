import Tensors

/// A layer whose outputs each depend on a limited area of an image, so that overlapping windows of an image can share
/// its results.
package protocol SpatialLayer: Layer {
    /// The windows, applied one after the other, through which an output depends on the first input. Other inputs are
    /// read at the output's own position. Empty for elementwise layers.
    var slidingWindows: [SlidingWindow] { get }
    /// The layer for parts of images that already contain their padding. When `sideBySide`, parts are placed next to
    /// each other from left to right, and the first window advances horizontally by its own size.
    func borderVariant(sideBySide: Bool) -> any SpatialLayer
    /// The layer that computes only some channels of the output, from all inputs and the same rows of each parameter;
    /// nil if there is none.
    func sliced(to channels: Range<Int>) -> (any SpatialLayer)?
}

extension SpatialLayer {
    package func borderVariant(sideBySide: Bool) -> any SpatialLayer { self }
    package func sliced(to channels: Range<Int>) -> (any SpatialLayer)? { nil }
}

/// A square window that slides over an image in both directions.
package struct SlidingWindow: Equatable, Sendable {
    package let size: Int
    package let stride: Int
    /// Elements before the first and after the last one.
    package let padding: Int
    /// The value of these elements.
    package let paddingValue: Float

    package init(size: Int, stride: Int, padding: Int, paddingValue: Float = 0) {
        self.size = size
        self.stride = stride
        self.padding = padding
        self.paddingValue = paddingValue
    }
}

/// A layer with enough arithmetic to matter when the cost of sharing windows is estimated. All others count as free.
package protocol CostedLayer: Layer {
    /// Estimated cost of inference for one sample.
    func inferenceCost(for inputs: [Shape]) -> InferenceCost
}

package struct InferenceCost {
    package let multiplications: Int
    /// Time of one multiplication, where one of a dense layer takes 1.
    package let relativeTime: Double
    /// Time of one multiplication without Winograd's transforms, as for the borders of windows.
    package var relativeDirectTime = 1.0

    package var time: Double { Double(multiplications) * relativeTime }
    package var directTime: Double { Double(multiplications) * relativeDirectTime }
    static let free = InferenceCost(multiplications: 0, relativeTime: 1)
}
