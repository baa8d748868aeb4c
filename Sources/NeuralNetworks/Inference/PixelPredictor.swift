import Tensors

/// Applies a network that outlines nuclei to rectangles of pixels.
///
/// Within the radius of the network's receptive field from an edge, results depend on the edge. Further inside, they are
/// the same for every rectangle around a pixel whose corner is a multiple of `alignment` pixels away, except for rounding.
package final class PixelPredictor {
    /// Pixels that the corners of rectangles are multiples of: the coarsest level's stride, times the tiles of the
    /// convolution kernels.
    package static let alignment = 32

    package let model: Model
    private let network: Network
    private let arena = Arena()
    /// The workspace of the last rectangle, for others of its size.
    private var workspace: Workspace?

    /// A predictor whose model's weights must not change while it is in use.
    package init(_ model: Model) throws {
        precondition(model.description.architecture.outlinesNuclei, "a model that classifies tiles")
        self.model = model
        network = try model.network.folded()
    }

    /// Probabilities of the interior and of the boundary of nuclei, in rows of the rectangle. They are valid during the call
    /// of `body` only. Throws `PredictionError` if they are not finite.
    package func withProbabilities<R>(
        of bytes: UnsafeRawBufferPointer, width: Int, height: Int,
        _ body: (_ interior: UnsafeBufferPointer<Float>, _ boundary: UnsafeBufferPointer<Float>) throws -> R
    ) throws -> R {
        let workspace = try self.workspace(width: width, height: height)
        let pixels = PixelWindows(height: height, width: width, rowStride: width * 3, offsets: [0])
        try Kernels.normalize(workspace.input, bytes.bytes, pixels, model.description.statistics)
        let logits = try workspace.forward(.inference)
        let interior = arena.tensor(.probabilities(.interior), count: width * height)
        let boundary = arena.tensor(.probabilities(.boundary), count: width * height)
        try Kernels.pixelProbabilities(interior: interior, boundary: boundary, logits)
        return try interior.withUnsafeBuffer { interior in
            try boundary.withUnsafeBuffer { boundary in
                guard interior.allSatisfy(\.isFinite) else { throw PredictionError() }
                return try body(interior, boundary)
            }
        }
    }

    private func workspace(width: Int, height: Int) throws -> Workspace {
        let shape: Shape = [3, height, width]
        if let workspace, workspace.network.inputShape == shape { return workspace }
        let plan = try NetworkPlan(network.plan.graph, inputShape: shape)
        let made = Workspace(Network(plan, sharing: network.state.tensors), capacity: 1, arena: arena)
        workspace = made
        return made
    }
}
