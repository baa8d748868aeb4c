import CKernels

/// A kernel refused its arguments. Shapes are checked before kernels are called, so this is either a number that came
/// from outside (a class index, a probability) or a mistake of ours.
package struct KernelError: Error, Equatable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        case nullPointer, badDimension, badParameter, scratchTooSmall, badTarget
    }

    package let kernel: String
    package let reason: Reason

    package var description: String {
        let text =
            switch reason {
            case .nullPointer: "a null pointer"
            case .badDimension: "dimensions that do not fit"
            case .badParameter: "a parameter out of range"
            case .scratchTooSmall: "too little scratch memory"
            case .badTarget: "a target class that does not exist"
            }
        return "\(kernel) was given \(text)"
    }

    /// The one place where a status of C becomes an error of Swift.
    static func check(_ status: ck_status, _ kernel: StaticString = #function) throws(KernelError) {
        let reason: Reason
        switch status {
        case .ok: return
        case .nullPointer: reason = .nullPointer
        case .badDimension: reason = .badDimension
        case .badParameter: reason = .badParameter
        case .scratchTooSmall: reason = .scratchTooSmall
        case .badTarget: reason = .badTarget
        }
        throw KernelError(kernel: "\(kernel)", reason: reason)
    }
}
