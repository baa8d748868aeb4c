/// Reproducible test numbers: SplitMix64 at counter i + 1 (Steele, Lea and Flood 2014).
///
/// Independent of the package's generator, so that each checks the other.
package enum Formula {
    package static func bits(_ seed: UInt64, _ index: Int) -> UInt64 {
        var z = (UInt64(index) &+ 1) &* 0x9E37_79B9_7F4A_7C15 &+ seed
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// float32(((bits >> 40) / 2^24 - 0.5) * 2 * scale), uniform in [-scale, scale).
    package static func values(seed: UInt64, count: Int, scale: Double = 1) -> [Float] {
        (0..<count).map { index in
            Float((Double(bits(seed, index) >> 40) / 16_777_216 - 0.5) * 2 * scale)
        }
    }

    /// Integers in 0 ..< bound.
    package static func integers(seed: UInt64, count: Int, below bound: Int) -> [Int] {
        (0..<count).map { Int(bits(seed, $0) % UInt64(bound)) }
    }

    /// A permutation of equally spaced numbers in (-1, 1), 2 / (count + 1) apart and at least a quarter of that from 0,
    /// which avoids ties and the kink of ReLU.
    package static func spaced(seed: UInt64, count: Int) -> [Float] {
        let order = (0..<count).sorted { bits(seed, $0) < bits(seed, $1) }
        return order.map { rank in Float((Double(2 * rank + 1 - count) + 0.5) / Double(count + 1)) }
    }
}
