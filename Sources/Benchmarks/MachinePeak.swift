import CMachinePeak
import Foundations
import Glibc
import Tensors

/// Measures the current peak arithmetic rate and memory bandwidth of the machine.
///
/// Each rate is the best of several short measurements, because other processes can only reduce it.
package final class MachinePeak {
    /// Peak rates at one moment.
    package struct Rates: Sendable {
        /// Floating-point operations per second. A fused multiply-add counts as two.
        package let flops: Double
        /// Bytes per second: of reading one array, and of the triad of STREAM, which reads two arrays and writes one.
        package let read: Double
        package let triad: Double
        /// The higher of the two bandwidths.
        package var bytes: Double { max(read, triad) }

        package init(flops: Double, read: Double, triad: Double) {
            self.flops = flops
            self.read = read
            self.triad = triad
        }
    }

    /// Instruction set of the arithmetic measurement, the widest that the processor supports.
    package static var instructions: String { String(cString: mp_instructions()) }

    private static let repetitions = 5
    private static let secondsPerRepetition = 0.001

    /// Larger than the caches.
    private let arrays: [Tensor]
    private let rounds: Int64

    package init() {
        let count = Self.arrayMegabytes << 18
        arrays = (0..<3).map { _ in Tensor([count]) }
        for array in arrays { array.fill(1) }
        let probe: Int64 = 50_000
        var sum: Float = 0
        let taken = (0..<Self.repetitions).map { _ in
            Self.seconds { _ = mp_multiply_add(&sum, probe, 1) }
        }
        rounds = max(1, Int64(Double(probe) * Self.secondsPerRepetition / taken.min()!))
    }

    package func measure(threads: Int) -> Rates {
        let team = Int32(clamping: threads)
        var sum: Float = 0
        let flops = (0..<Self.repetitions).map { _ in
            var count = 0.0
            let seconds = Self.seconds { count = mp_multiply_add(&sum, rounds, team) }
            return count / seconds
        }
        // A different piece each time, so that it is not in a cache.
        let piece = arrays[0].count / Self.repetitions
        let read = (0..<Self.repetitions).map { index in
            arrays[1].withUnsafeBuffer { b in
                Double(piece) * 4 / Self.seconds { mp_read(&sum, b.baseAddress! + index * piece, Int64(piece), team) }
            }
        }
        let triad = (0..<Self.repetitions).map { index in
            arrays[0].withUnsafeMutableBuffer { a in
                arrays[1].withUnsafeBuffer { b in
                    arrays[2].withUnsafeBuffer { c in
                        let (a, b, c) = (a.baseAddress!, b.baseAddress!, c.baseAddress!)
                        let start = index * piece
                        return Double(piece) * 12
                            / Self.seconds { mp_triad(a + start, b + start, c + start, 0.5, Int64(piece), team) }
                    }
                }
            }
        }
        return Rates(flops: flops.max()!, read: read.max()!, triad: triad.max()!)
    }

    /// Twice the size of the last-level cache, within limits.
    private static var arrayMegabytes: Int {
        let cache = sysconf(Int32(_SC_LEVEL3_CACHE_SIZE)) >> 20
        return min(512, max(64, 2 * cache))
    }

    private static func seconds(_ body: () -> Void) -> Double {
        let start = ContinuousClock.now
        body()
        return max((ContinuousClock.now - start).seconds, 1e-9)
    }
}
