import Glibc

/// One of the eight symmetries of a square tile: an optional transposition, then optional mirroring along x and y.
package struct Orientation: Codable, Equatable, Sendable {
    package let transposed: Bool
    package let mirroredX: Bool
    package let mirroredY: Bool

    package static let all = (0..<8).map {
        Orientation(transposed: $0 & 4 != 0, mirroredX: $0 & 2 != 0, mirroredY: $0 & 1 != 0)
    }

    package var isUpright: Bool { !transposed && !mirroredX && !mirroredY }

    /// Transforms a square image.
    func apply(to image: [Float], side: Int) -> [Float] {
        if isUpright { return image }
        return (0..<side * side).map { index in
            let x = mirroredX ? side - 1 - index % side : index % side
            let y = mirroredY ? side - 1 - index / side : index / side
            return transposed ? image[x * side + y] : image[y * side + x]
        }
    }
}

/// A perceptual hash: the signs of the 8 x 8 lowest frequencies of the luminance, except the mean.
///
/// The hashes of similar tiles differ in few of the 63 bits, regardless of brightness, contrast and compression. Source:
/// after Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010.
struct PerceptualHash {
    private static let frequencies = 8
    let bits: UInt64

    private init(bits: UInt64) { self.bits = bits }

    /// The hash of a luminance image of 64 x 64.
    init(_ luminance: [Float]) {
        let side = MeasuredTile.luminanceSide
        var rows = [Float](repeating: 0, count: side * Self.frequencies)
        for y in 0..<side {
            for u in 0..<Self.frequencies {
                rows[y * Self.frequencies + u] = (0..<side).reduce(0) {
                    $0 + luminance[y * side + $1] * Self.cosines[u * side + $1]
                }
            }
        }
        var bits: UInt64 = 0
        for v in 0..<Self.frequencies {
            for u in 0..<Self.frequencies where u + v > 0 {
                let coefficient = (0..<side).reduce(Float(0)) {
                    $0 + rows[$1 * Self.frequencies + u] * Self.cosines[v * side + $1]
                }
                if coefficient > 0 { bits |= 1 << UInt64(v * Self.frequencies + u) }
            }
        }
        self.bits = bits
    }

    private static let cosines: [Float] = {
        let side = MeasuredTile.luminanceSide
        return (0..<frequencies * side).map { index in
            Float(cos(Double.pi * Double(index / side) * (Double(index % side) + 0.5) / Double(side)))
        }
    }()

    /// The hash of the transformed tile. Mirroring inverts the signs of the odd frequencies.
    func oriented(_ orientation: Orientation) -> PerceptualHash {
        var result: UInt64 = 0
        for v in 0..<Self.frequencies {
            for u in 0..<Self.frequencies where u + v > 0 {
                let source = orientation.transposed ? u * Self.frequencies + v : v * Self.frequencies + u
                var bit = bits >> UInt64(source) & 1
                if orientation.mirroredX, u % 2 == 1 { bit ^= 1 }
                if orientation.mirroredY, v % 2 == 1 { bit ^= 1 }
                result |= bit << UInt64(v * Self.frequencies + u)
            }
        }
        return PerceptualHash(bits: result)
    }

    /// The number of bits that differ.
    func distance(to other: PerceptualHash) -> Int { (bits ^ other.bits).nonzeroBitCount }
}
