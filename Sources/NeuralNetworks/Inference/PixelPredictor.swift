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
    /// Whether probabilities are means over the pixels and their mirror images.
    private let averagesFlips: Bool
    private let arena = Arena()
    /// The workspace of the last rectangle, for others of its size.
    private var workspace: Workspace?

    /// A predictor whose model's weights must not change while it is in use. With `averagingFlips`, the network is applied to
    /// rectangles with columns, rows, both or none in reverse, and probabilities are the means.
    package init(_ model: Model, averagingFlips: Bool = false) throws {
        precondition(model.description.architecture.outlinesNuclei, "a model that classifies tiles")
        self.model = model
        averagesFlips = averagingFlips
        network = try model.network.folded()
    }

    /// Probabilities of the interior and of the boundary of nuclei, in rows of the rectangle. They are valid during the call
    /// of `body` only. Throws `PredictionError` if they are not finite.
    package func withProbabilities<R>(
        of bytes: UnsafeRawBufferPointer, width: Int, height: Int,
        _ body: (_ interior: UnsafeBufferPointer<Float>, _ boundary: UnsafeBufferPointer<Float>) throws -> R
    ) throws -> R {
        guard averagesFlips else {
            return try withUnflippedProbabilities(of: bytes, width: width, height: height, body)
        }
        let count = width * height
        var (interior, boundary) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
        for flip in Flip.all {
            let places = flip.places(width: width, height: height)
            let flipped = [UInt8](unsafeUninitializedCapacity: 3 * count) { flipped, filled in
                places.forEach { place, source in
                    for channel in 0..<3 { flipped[3 * place + channel] = bytes[3 * source + channel] }
                }
                filled = 3 * count
            }
            try flipped.withUnsafeBytes {
                try withUnflippedProbabilities(of: $0, width: width, height: height) {
                    flippedInterior, flippedBoundary in
                    places.forEach { place, source in
                        interior[source] += flippedInterior[place] / Float(Flip.all.count)
                        boundary[source] += flippedBoundary[place] / Float(Flip.all.count)
                    }
                }
            }
        }
        return try interior.withUnsafeBufferPointer { interior in
            try boundary.withUnsafeBufferPointer { try body(interior, $0) }
        }
    }

    private func withUnflippedProbabilities<R>(
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

/// A mirror image of a rectangle.
private struct Flip {
    static let all = [
        Flip(columns: false, rows: false), Flip(columns: true, rows: false), Flip(columns: false, rows: true),
        Flip(columns: true, rows: true),
    ]

    /// Whether columns and rows are in reverse.
    let columns: Bool
    let rows: Bool

    func places(width: Int, height: Int) -> Places { Places(flip: self, width: width, height: height) }

    /// The pixels of the mirror image, and those of the rectangle that they show.
    struct Places {
        let flip: Flip
        let width: Int
        let height: Int

        @inline(__always) func forEach(_ body: (_ place: Int, _ source: Int) -> Void) {
            for y in 0..<height {
                let row = (flip.rows ? height - 1 - y : y) * width
                for x in 0..<width { body(y * width + x, row + (flip.columns ? width - 1 - x : x)) }
            }
        }
    }
}
