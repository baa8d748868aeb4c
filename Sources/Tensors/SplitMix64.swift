import CKernels

/// Counter-based random number generator (SplitMix64; Steele, Lea and Flood 2014). Element `i` of a stream depends on the
/// seed and `i` only.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private let seed: UInt64
    private var counter: UInt64 = 0

    package init(seed: UInt64) {
        self.seed = seed
    }

    /// A stream for one purpose. Equal words give the same stream, different words an independent one.
    package init(seed: UInt64, stream words: UInt64...) {
        self.seed = Self.derive(seed, words)
    }

    package mutating func next() -> UInt64 {
        defer { counter += 1 }
        return ck_random_bits(seed, counter)
    }

    /// Uniform number in [0, 1) with 24 random bits.
    package mutating func unit() -> Float {
        Float(next() >> 40) / 16_777_216
    }

    /// Seed of an independent stream that depends on `seed` and `words` only.
    package static func derive(_ seed: UInt64, _ words: [UInt64]) -> UInt64 {
        words.reduce(ck_random_bits(seed, 0)) { ck_random_bits($0 ^ $1, 1) }
    }
}
