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

/// A perceptual hash: the signs of the 16 x 16 lowest frequencies of the luminance, except the mean.
///
/// The hashes of similar tiles differ in few of the 255 bits, regardless of brightness, contrast and compression. Source:
/// after Zauner, "Implementation and Benchmarking of Perceptual Image Hash Functions", 2010.
package struct PerceptualHash: Hashable, Sendable {
    /// The number of frequencies along each axis.
    private static let frequencies = 16
    /// Bytes of a hash in a file.
    package static let byteCount = frequencies * frequencies / 8
    /// The bits of the 8 x 8 lowest frequencies.
    private static let coarse = SIMD4<UInt64>(0x00FF_00FF_00FF_00FF, 0x00FF_00FF_00FF_00FF, 0, 0)

    /// The bit of vertical frequency v and horizontal frequency u is bit 16 * v + u.
    private var words = SIMD4<UInt64>()

    /// The hash of a luminance image of 64 x 64.
    init(_ luminance: [Float]) {
        let side = MeasuredTile.luminanceSide
        let count = Self.frequencies
        var rows = [Float](repeating: 0, count: side * count)
        for y in 0..<side {
            for u in 0..<count {
                rows[y * count + u] = (0..<side).reduce(0) {
                    $0 + luminance[y * side + $1] * Self.cosines[u * side + $1]
                }
            }
        }
        for v in 0..<count {
            for u in 0..<count where u + v > 0 {
                let coefficient = (0..<side).reduce(Float(0)) {
                    $0 + rows[$1 * count + u] * Self.cosines[v * side + $1]
                }
                if coefficient > 0 { self[v, u] = true }
            }
        }
    }

    private static let cosines: [Float] = {
        let side = MeasuredTile.luminanceSide
        return (0..<frequencies * side).map { index in
            Float(cos(Double.pi * Double(index / side) * (Double(index % side) + 0.5) / Double(side)))
        }
    }()

    private subscript(v: Int, u: Int) -> Bool {
        get { words[v / 4] >> UInt64(v % 4 * 16 + u) & 1 == 1 }
        set {
            let bit: UInt64 = 1 << UInt64(v % 4 * 16 + u)
            words[v / 4] = newValue ? words[v / 4] | bit : words[v / 4] & ~bit
        }
    }

    /// The hash of the transformed tile. Mirroring inverts the signs of the odd frequencies.
    package func oriented(_ orientation: Orientation) -> PerceptualHash {
        var result = self
        for v in 0..<Self.frequencies {
            for u in 0..<Self.frequencies where u + v > 0 {
                var bit = orientation.transposed ? self[u, v] : self[v, u]
                if orientation.mirroredX, u % 2 == 1 { bit.toggle() }
                if orientation.mirroredY, v % 2 == 1 { bit.toggle() }
                result[v, u] = bit
            }
        }
        return result
    }

    /// The number of bits that differ, of 255.
    package func distance(to other: PerceptualHash) -> Int { Self.bitCount(words ^ other.words) }

    /// The number of bits that differ among the 63 of the lowest frequencies, which resist small shifts.
    package func coarseDistance(to other: PerceptualHash) -> Int {
        Self.bitCount((words ^ other.words) & Self.coarse)
    }

    private static func bitCount(_ words: SIMD4<UInt64>) -> Int {
        words[0].nonzeroBitCount + words[1].nonzeroBitCount + words[2].nonzeroBitCount + words[3].nonzeroBitCount
    }
}

extension PerceptualHash {
    /// The hash of a tile of interleaved RGB. Nil where the tile has no structure beyond noise.
    init?(tile pixels: UnsafeRawBufferPointer, side: Int) {
        let luminance = MeasuredTile.luminance(pixels, side: side)
        guard NearDuplicate.isClear(NearDuplicate.structure(of: luminance)) else { return nil }
        self.init(luminance)
    }

    /// The hashes of a tile of interleaved RGB after shifts of up to 1/32 of its side in each direction, in steps of
    /// 1/64: 8 and 4 pixels of 256. Pixels at the edges fill the rest.
    static func shifts(ofTile pixels: UnsafeRawBufferPointer, side tileSide: Int) -> [PerceptualHash] {
        let luminance = MeasuredTile.luminance(pixels, side: tileSide)
        let side = MeasuredTile.luminanceSide
        return (-2...2).flatMap { dy in
            (-2...2).map { dx in
                PerceptualHash(
                    (0..<side * side).map { index in
                        let (x, y) = (index % side - dx, index / side - dy)
                        return luminance[min(max(y, 0), side - 1) * side + min(max(x, 0), side - 1)]
                    })
            }
        }
    }

    /// The bytes of the hash in a file, least significant first.
    package var bytes: [UInt8] {
        (0..<Self.byteCount).map { UInt8(truncatingIfNeeded: words[$0 / 8] >> UInt64($0 % 8 * 8)) }
    }

    /// The hash with the given bytes, of which there are `byteCount`.
    package init(bytes: some Collection<UInt8>) {
        precondition(bytes.count == Self.byteCount)
        for (index, byte) in bytes.enumerated() { words[index / 8] |= UInt64(byte) << UInt64(index % 8 * 8) }
    }
}
