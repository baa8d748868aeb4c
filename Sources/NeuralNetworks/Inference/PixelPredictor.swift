import Tensors

/// Probabilities of the pixels of a rectangle, in rows.
package struct PixelProbabilities {
    package let interior: UnsafeBufferPointer<Float>
    /// Interior and nucleus together.
    package let nucleus: UnsafeBufferPointer<Float>
    /// Standard deviation of the probability of a nucleus between the models of an ensemble; nil for one model.
    package let deviation: UnsafeBufferPointer<Float>?

    package init(
        interior: UnsafeBufferPointer<Float>, nucleus: UnsafeBufferPointer<Float>,
        deviation: UnsafeBufferPointer<Float>? = nil
    ) {
        (self.interior, self.nucleus, self.deviation) = (interior, nucleus, deviation)
    }
}

/// Applies a network that outlines nuclei, or an ensemble of them, to rectangles of pixels.
///
/// Within the radius of the network's receptive field from an edge, results depend on the edge. Further inside, they are
/// the same for every rectangle around a pixel whose corner is a multiple of `alignment` pixels away, except for rounding.
package final class PixelPredictor {
    /// Pixels that the corners of rectangles are multiples of: the coarsest level's stride, times the tiles of the
    /// convolution kernels.
    package static let alignment = 32

    private let members: [Member]
    /// Whether probabilities are means over the pixels and their mirror images.
    private let averagesFlips: Bool
    /// Members are used one after the other, in the same memory.
    private let arena = Arena()

    /// A network of the ensemble.
    private final class Member {
        /// Without the last layer, which shuffles pixels: the kernel of probabilities reads them where they are.
        let network: PredictionNetwork
        /// The workspace of the last rectangle, for others of its size.
        var workspace: Workspace?

        init(_ model: Model, _ precision: Precision) throws {
            precondition(model.description.architecture.outlinesNuclei, "a model that classifies tiles")
            network = try PredictionNetwork(model, precision, shufflesPixels: false)
        }
    }

    /// A predictor whose models' weights must not change while it is in use. Probabilities of several models are averaged.
    /// With `averagingFlips`, networks are applied to rectangles with columns, rows, both or none in reverse, and
    /// probabilities are the means. Throws `LayerError` where a model cannot compute with the given precision.
    package init(_ models: [Model], averagingFlips: Bool = false, precision: Precision = .float32) throws {
        precondition(!models.isEmpty)
        members = try models.map { try Member($0, precision) }
        averagesFlips = averagingFlips
    }

    /// Probabilities of the pixels of a rectangle. They are valid during the call of `body` only. Throws `PredictionError`
    /// if they are not finite.
    package func withProbabilities<R>(
        of bytes: UnsafeRawBufferPointer, width: Int, height: Int, _ body: (PixelProbabilities) throws -> R
    ) throws -> R {
        guard members.count > 1 else {
            return try withProbabilities(of: bytes, width: width, height: height, by: members[0], body)
        }
        var means = EnsembleMeans(count: width * height)
        for member in members {
            try withProbabilities(of: bytes, width: width, height: height, by: member) { means.add($0) }
        }
        return try means.withProbabilities(body)
    }

    private func withProbabilities<R>(
        of bytes: UnsafeRawBufferPointer, width: Int, height: Int, by member: Member,
        _ body: (PixelProbabilities) throws -> R
    ) throws -> R {
        guard averagesFlips else {
            return try withUnflippedProbabilities(of: bytes, width: width, height: height, by: member, body)
        }
        let count = width * height
        var (interior, nucleus) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
        for flip in Flip.all {
            let places = flip.places(width: width, height: height)
            let flipped = [UInt8](unsafeUninitializedCapacity: 3 * count) { flipped, filled in
                places.forEach { place, source in
                    for channel in 0..<3 { flipped[3 * place + channel] = bytes[3 * source + channel] }
                }
                filled = 3 * count
            }
            try flipped.withUnsafeBytes {
                try withUnflippedProbabilities(of: $0, width: width, height: height, by: member) { flipped in
                    places.forEach { place, source in
                        interior[source] += flipped.interior[place] / Float(Flip.all.count)
                        nucleus[source] += flipped.nucleus[place] / Float(Flip.all.count)
                    }
                }
            }
        }
        return try interior.withUnsafeBufferPointer { interior in
            try nucleus.withUnsafeBufferPointer { try body(PixelProbabilities(interior: interior, nucleus: $0)) }
        }
    }

    private func withUnflippedProbabilities<R>(
        of bytes: UnsafeRawBufferPointer, width: Int, height: Int, by member: Member,
        _ body: (PixelProbabilities) throws -> R
    ) throws -> R {
        let workspace = try self.workspace(of: member, width: width, height: height)
        let pixels = PixelWindows(height: height, width: width, rowStride: width * 3, offsets: [0])
        try member.network.normalize(workspace.input, bytes.bytes, pixels)
        let logits = try workspace.forward(.inference)
        let interior = arena.tensor(.probabilities(.interior), count: width * height)
        let nucleus = arena.tensor(.probabilities(.boundary), count: width * height)
        guard try Kernels.pixelProbabilities(interior: interior, nucleus: nucleus, logits) else {
            throw PredictionError()
        }
        return try interior.withUnsafeBuffer { interior in
            try nucleus.withUnsafeBuffer { nucleus in
                try body(PixelProbabilities(interior: interior, nucleus: nucleus))
            }
        }
    }

    private func workspace(of member: Member, width: Int, height: Int) throws -> Workspace {
        if let workspace = member.workspace, workspace.network.inputShape.sample == [height, width] {
            return workspace
        }
        let network = try member.network.resized(height: height, width: width).network
        let made = Workspace(network, capacity: 1, arena: arena)
        member.workspace = made
        return made
    }
}

/// Means over the members of an ensemble, and the deviation between them (Welford's method, by which equal members deviate
/// by exactly 0).
private struct EnsembleMeans {
    private var members: Float = 0
    private var interior: [Float]
    private var nucleus: [Float]
    /// Sums of squared differences to the mean probability of a nucleus.
    private var squares: [Float]

    init(count: Int) {
        interior = [Float](repeating: 0, count: count)
        (nucleus, squares) = (interior, interior)
    }

    mutating func add(_ member: PixelProbabilities) {
        members += 1
        for pixel in interior.indices {
            let before = nucleus[pixel]
            interior[pixel] += (member.interior[pixel] - interior[pixel]) / members
            nucleus[pixel] += (member.nucleus[pixel] - nucleus[pixel]) / members
            squares[pixel] += (member.nucleus[pixel] - before) * (member.nucleus[pixel] - nucleus[pixel])
        }
    }

    func withProbabilities<R>(_ body: (PixelProbabilities) throws -> R) rethrows -> R {
        let deviation = squares.map { (max(0, $0) / members).squareRoot() }
        return try interior.withUnsafeBufferPointer { interior in
            try nucleus.withUnsafeBufferPointer { nucleus in
                try deviation.withUnsafeBufferPointer {
                    try body(PixelProbabilities(interior: interior, nucleus: nucleus, deviation: $0))
                }
            }
        }
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
