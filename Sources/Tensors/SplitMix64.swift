import CKernels

/// The package's one source of randomness: a counter-based stream of 64-bit numbers (splitmix64).
///
/// Element `i` depends on the seed and `i` alone, so that a place in a stream can be named and gone back to.
package struct SplitMix64: RandomNumberGenerator, Sendable {
    private let seed: UInt64
    private var counter: UInt64 = 0

    package init(seed: UInt64) {
        self.seed = seed
    }

    /// A stream for one purpose: the same words always give the same stream, others an unrelated one.
    package init(seed: UInt64, stream words: UInt64...) {
        self.seed = Self.derive(seed, words)
    }

    package mutating func next() -> UInt64 {
        defer { counter += 1 }
        return ck_random_bits(seed, counter)
    }

    /// Uniform in [0, 1), 24 random bits.
    package mutating func unit() -> Float {
        Float(next() >> 40) / 16_777_216
    }

    package static func derive(_ seed: UInt64, _ words: [UInt64]) -> UInt64 {
        words.reduce(ck_random_bits(seed, 0)) { ck_random_bits($0 ^ $1, 1) }
    }
}
