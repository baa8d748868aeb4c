import Tensors

/// Smooth noise over the plane: Perlin's gradient noise (SIGGRAPH 1985) with the quintic fade of the 2002 revision.
///
/// The value at a pixel depends only on the seed and the position, so that blocks of one image meet without seams. The
/// seed comes from `SplitMix64`. The gradients come from a faster 32-bit hash, because every pixel and octave needs four.
struct GradientNoise: Sendable {
    let seed: UInt32

    init(seed: UInt64, purpose: UInt64) {
        self.seed = UInt32(truncatingIfNeeded: SplitMix64.derive(seed, [purpose]) >> 16)
    }

    /// The value at a position: about -1 ... 1, mean 0, standard deviation about 0.35. The wavelength is about one unit of
    /// `x` and `y`.
    @inline(__always)
    func value(_ x: Float, _ y: Float) -> Float {
        let floorX = x.rounded(.down)
        let floorY = y.rounded(.down)
        let column = Int32(floorX)
        let row = Int32(floorY)
        let dx = x - floorX
        let dy = y - floorY
        let fadeX = dx * dx * dx * (dx * (dx * 6 - 15) + 10)
        let fadeY = dy * dy * dy * (dy * (dy * 6 - 15) + 10)
        let top = mix(slope(column, row, dx, dy), slope(column &+ 1, row, dx - 1, dy), fadeX)
        let bottom = mix(slope(column, row &+ 1, dx, dy - 1), slope(column &+ 1, row &+ 1, dx - 1, dy - 1), fadeX)
        return mix(top, bottom, fadeY) * 1.4
    }

    /// The sum of several octaves, each with half the wavelength and half the amplitude of the previous one.
    func octaves(_ count: Int, _ x: Float, _ y: Float) -> Float {
        var sum: Float = 0
        var height: Float = 1
        var frequency: Float = 1
        for octave in 0..<count {
            // All octaves are zero at lattice points. The shift keeps these zeros apart.
            let shift = Float(octave) * 17.37
            sum += height * value(x * frequency + shift, y * frequency - shift)
            height *= 0.5
            frequency *= 2
        }
        return sum
    }

    /// The scalar product of the lattice gradient at (column, row) and the offset (dx, dy) from that point.
    @inline(__always)
    private func slope(_ column: Int32, _ row: Int32, _ dx: Float, _ dy: Float) -> Float {
        let bits = latticeBits(seed, column, row)
        let gradientX = Float(Int16(truncatingIfNeeded: bits)) * (1 / 32768)
        let gradientY = Float(Int16(truncatingIfNeeded: bits >> 16)) * (1 / 32768)
        return gradientX * dx + gradientY * dy
    }
}

/// A 32-bit hash of a lattice point: the finalizer "lowbias32" (C. Wellons, 2018) over both coordinates.
@inline(__always)
func latticeBits(_ seed: UInt32, _ column: Int32, _ row: Int32) -> UInt32 {
    var bits = seed &+ UInt32(bitPattern: column) &* 0x9E37_79B1 &+ UInt32(bitPattern: row) &* 0x85EB_CA77
    bits = (bits ^ (bits >> 16)) &* 0x7FEB_352D
    bits = (bits ^ (bits >> 15)) &* 0x846C_A68B
    return bits ^ (bits >> 16)
}

/// Linear interpolation.
@inline(__always)
func mix(_ from: Float, _ to: Float, _ part: Float) -> Float {
    from + (to - from) * part
}

/// A smooth step: 0 below `low`, 1 above `high`, and a cubic in between.
@inline(__always)
func smoothStep(_ low: Float, _ high: Float, _ value: Float) -> Float {
    let part = max(0, min(1, (value - low) / (high - low)))
    return part * part * (3 - 2 * part)
}

extension SplitMix64 {
    /// Uniform in low ... high.
    mutating func between(_ low: Float, _ high: Float) -> Float {
        low + (high - low) * unit()
    }

    /// True with a probability.
    mutating func chance(_ probability: Float) -> Bool {
        unit() < probability
    }

    /// Approximately normal with mean 0 and standard deviation 1: a sum of four uniform numbers, within 3.5 standard
    /// deviations.
    mutating func approximateNormal() -> Float {
        (unit() + unit() + unit() + unit() - 2) * 1.732
    }
}
