import CKernels
import Foundations

/// The kernels of CKernels on tensors. Outputs come first and are overwritten. A tensor whose number of elements does not
/// match traps; other invalid arguments throw `KernelError`.
package enum Kernels {
    /// Maximum number of threads of kernels. Results do not depend on it.
    package static var threadCount: Int { Int(ck_thread_count()) }

    /// Sets the maximum number of threads, 1 ... 256, and starts them; the maximum is lower where the system refuses
    /// threads. Ends the process where it refuses the memory that the calling thread needs.
    package static func setThreadCount(_ count: Int) throws(KernelError) {
        let status = ck_set_thread_count(Int32(clamping: count))
        if status == .outOfMemory {
            AbnormalEnd.outOfMemory(for: "matrix products", bytes: Int(CK_BYTES_PER_THREAD))
        }
        try KernelError.check(status)
    }

    /// Number of threads in a parallel region; 1 in a build without OpenMP.
    package static var teamSize: Int { Int(ck_team_size()) }

    /// Calls `body` with each of 0 ..< count and the number of the thread, which is below `threadCount`, on the threads of
    /// the kernels: others would compete with these for the processors.
    package static func forEach(_ count: Int, _ body: @Sendable (_ index: Int, _ thread: Int) -> Void) {
        typealias Body = @Sendable (Int, Int) -> Void
        withoutActuallyEscaping(body) { body in
            withUnsafePointer(to: body) { body in
                let status = ck_for_each(
                    Int64(count),
                    { $2!.assumingMemoryBound(to: Body.self).pointee(Int($0), Int($1)) },
                    UnsafeMutableRawPointer(mutating: body))
                precondition(status == .ok, "\(count) calls")
            }
        }
    }

    /// Traps unless `tensor` has as many elements as `shape`.
    static func expect(
        _ tensor: Tensor, _ shape: @autoclosure () -> Shape, _ name: StaticString, file: StaticString = #fileID,
        line: UInt = #line
    ) {
        precondition(
            tensor.count == shape().count, "\(name) is \(tensor.shape), not \(shape())", file: file, line: line)
    }
}
