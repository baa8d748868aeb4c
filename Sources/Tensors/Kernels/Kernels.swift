import CKernels

/// The kernels of CKernels on tensors. Shapes of tensors must fit the geometry (checked, trap); everything else that
/// is wrong throws `KernelError`.
package enum Kernels {
    /// How many threads kernels use. Results do not depend on it.
    package static var threadCount: Int { Int(ck_thread_count()) }

    /// Sets the number of threads, 1 ... 256.
    package static func setThreadCount(_ count: Int) throws(KernelError) {
        try KernelError.check(ck_set_thread_count(Int32(clamping: count)))
    }

    /// The number of threads that a parallel region really gets.
    package static var teamSize: Int { Int(ck_team_size()) }

    static func expect(
        _ tensor: Tensor, _ shape: @autoclosure () -> Shape, _ what: StaticString, file: StaticString = #fileID,
        line: UInt = #line
    ) {
        precondition(
            tensor.count == shape().count, "\(what) is \(tensor.shape), not \(shape())", file: file, line: line)
    }
}
