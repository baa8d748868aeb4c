import Tensors

/// Probabilities of the pixels of a rectangle, in rows. Memory is kept from one rectangle to the next.
package final class PixelProbabilities {
    /// Probabilities of the interior of a nucleus.
    package private(set) var interior = Tensor([0])
    /// Probabilities of the interior or the boundary.
    package private(set) var nucleus = Tensor([0])
    /// Standard deviation of the probability of a nucleus between the models of an ensemble; nil for one model.
    package private(set) var deviation: Tensor?
    private let arena = Arena()

    package init() {}

    /// Makes room for pixels, whose probabilities are undefined until they are written.
    package func begin(_ count: Int, hasDeviation: Bool = false) {
        interior = arena.tensor(.probabilities(.interior), count: count)
        // That of the boundary includes the interior.
        nucleus = arena.tensor(.probabilities(.boundary), count: count)
        deviation = hasDeviation ? arena.tensor(.deviation, count: count) : nil
    }

    fileprivate func fill(_ value: Float) {
        for tensor in [interior, nucleus, deviation] { tensor?.fill(value) }
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
    /// Probabilities of a member of an ensemble, and of a mirror image.
    private let (ofMember, ofFlip) = (PixelProbabilities(), PixelProbabilities())

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

    /// Writes the probabilities of the pixels of a rectangle, in the place of what `result` has. Throws
    /// `PredictionError` if they are not finite.
    package func predict(
        _ bytes: UnsafeRawBufferPointer, width: Int, height: Int, into result: PixelProbabilities
    ) throws {
        guard members.count > 1 else {
            return try predict(bytes, width: width, height: height, by: members[0], into: result)
        }
        result.begin(width * height, hasDeviation: true)
        result.fill(0)
        for (index, member) in members.enumerated() {
            try predict(bytes, width: width, height: height, by: member, into: ofMember)
            result.addMember(ofMember, count: Float(index + 1))
        }
        result.finishMembers(count: Float(members.count))
    }

    private func predict(
        _ bytes: UnsafeRawBufferPointer, width: Int, height: Int, by member: Member, into result: PixelProbabilities
    ) throws {
        guard averagesFlips else {
            return try predictUnflipped(bytes, width: width, height: height, by: member, into: result)
        }
        let count = width * height
        result.begin(count)
        result.fill(0)
        for flip in Flip.all {
            let places = flip.places(width: width, height: height)
            let flipped = [UInt8](unsafeUninitializedCapacity: 3 * count) { flipped, filled in
                places.forEach { place, source in
                    for channel in 0..<3 { flipped[3 * place + channel] = bytes[3 * source + channel] }
                }
                filled = 3 * count
            }
            try flipped.withUnsafeBytes {
                try predictUnflipped($0, width: width, height: height, by: member, into: ofFlip)
            }
            result.addFlip(ofFlip, places)
        }
    }

    private func predictUnflipped(
        _ bytes: UnsafeRawBufferPointer, width: Int, height: Int, by member: Member, into result: PixelProbabilities
    ) throws {
        let workspace = try self.workspace(of: member, width: width, height: height)
        let pixels = PixelWindows(height: height, width: width, rowStride: width * 3, offsets: [0])
        try member.network.normalize(workspace.input, bytes.bytes, pixels)
        let logits = try workspace.forward(.inference)
        result.begin(width * height)
        guard try Kernels.pixelProbabilities(interior: result.interior, nucleus: result.nucleus, logits) else {
            throw PredictionError()
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

extension PixelProbabilities {
    /// Takes the probabilities of another member of an ensemble into the means. The deviation is a sum of squared
    /// differences to the mean until the last one (Welford's method, by which equal members deviate by exactly 0).
    fileprivate func addMember(_ member: PixelProbabilities, count: Float) {
        interior.withUnsafeMutableBuffer { interior in
            member.interior.withUnsafeBuffer {
                for pixel in interior.indices { interior[pixel] += ($0[pixel] - interior[pixel]) / count }
            }
        }
        nucleus.withUnsafeMutableBuffer { nucleus in
            deviation!.withUnsafeMutableBuffer { squares in
                member.nucleus.withUnsafeBuffer {
                    for pixel in nucleus.indices {
                        let before = nucleus[pixel]
                        nucleus[pixel] += ($0[pixel] - before) / count
                        squares[pixel] += ($0[pixel] - before) * ($0[pixel] - nucleus[pixel])
                    }
                }
            }
        }
    }

    fileprivate func finishMembers(count: Float) {
        deviation!.withUnsafeMutableBuffer {
            for pixel in $0.indices { $0[pixel] = (max(0, $0[pixel]) / count).squareRoot() }
        }
    }

    /// Adds the share of a mirror image in the means.
    fileprivate func addFlip(_ flipped: PixelProbabilities, _ places: Flip.Places) {
        for (sum, values) in [(interior, flipped.interior), (nucleus, flipped.nucleus)] {
            sum.withUnsafeMutableBuffer { sum in
                values.withUnsafeBuffer { values in
                    places.forEach { place, source in sum[source] += values[place] / Float(Flip.all.count) }
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
