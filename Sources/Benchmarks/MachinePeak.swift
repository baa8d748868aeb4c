import CMachinePeak
import Foundation
import Foundations
import Tensors

/// Measures what the machine can do at this moment: multiplications and additions in registers, and streams of memory.
///
/// Other processes can only make it look slower. Each rate is therefore the best of a few short measurements, of which
/// one may well have gone undisturbed on a busy machine.
package final class MachinePeak {
    /// Rates of one moment.
    package struct Rates: Sendable {
        /// Floating-point operations in a second, a fused multiply-add being two.
        package let operations: Double
        /// Bytes in a second: one stream read, and two read with one written (STREAM's triad).
        package let read: Double
        package let triad: Double
        /// What memory gives at best.
        package var bytes: Double { max(read, triad) }

        package init(operations: Double, read: Double, triad: Double) {
            self.operations = operations
            self.read = read
            self.triad = triad
        }
    }

    /// The instructions that the measurement uses: the widest of the processor.
    package static var instructions: String { String(cString: mp_instructions()) }

    private static let tries = 5
    private static let secondsOfTry = 0.001

    /// Together more than caches hold.
    private let arrays: [Tensor]
    private let rounds: Int64

    package init() {
        let count = Self.arrayMegabytes << 18
        arrays = (0..<3).map { _ in Tensor([count]) }
        for array in arrays { array.fill(1) }
        let probe: Int64 = 50_000
        var sum: Float = 0
        let taken = (0..<Self.tries).map { _ in
            Self.seconds { _ = mp_multiply_add(&sum, probe, 1) }
        }
        rounds = max(1, Int64(Double(probe) * Self.secondsOfTry / taken.min()!))
    }

    package func measure(threads: Int) -> Rates {
        let team = Int32(clamping: threads)
        var sum: Float = 0
        let operations = (0..<Self.tries).map { _ in
            var operations = 0.0
            let seconds = Self.seconds { operations = mp_multiply_add(&sum, rounds, team) }
            return operations / seconds
        }
        // A piece each time, so that none is still in a cache.
        let piece = arrays[0].count / Self.tries
        let read = (0..<Self.tries).map { index in
            arrays[1].withUnsafeBuffer { b in
                Double(piece) * 4 / Self.seconds { mp_read(&sum, b.baseAddress! + index * piece, Int64(piece), team) }
            }
        }
        let triad = (0..<Self.tries).map { index in
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
        return Rates(operations: operations.max()!, read: read.max()!, triad: triad.max()!)
    }

    /// Each array is twice as large as the last cache.
    private static var arrayMegabytes: Int {
        #if canImport(Glibc)
            let cache = sysconf(Int32(_SC_LEVEL3_CACHE_SIZE)) >> 20
        #else
            let cache = 0
        #endif
        return min(512, max(64, 2 * cache))
    }

    private static func seconds(_ body: () -> Void) -> Double {
        let start = ContinuousClock.now
        body()
        return max((ContinuousClock.now - start).seconds, 1e-9)
    }
}
