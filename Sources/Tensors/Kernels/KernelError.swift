import CKernels

/// Failed argument validation of a kernel. Wrappers check shapes before they call kernels, so the cause is usually a
/// number from outside, such as a class index or a probability.
package struct KernelError: Error, Equatable, CustomStringConvertible {
    package enum Reason: Equatable, Sendable {
        case nullPointer, badDimension, badParameter, scratchTooSmall, badTarget, outOfMemory
    }

    package let kernel: String
    package let reason: Reason

    package var description: String {
        let text =
            switch reason {
            case .nullPointer: "null pointer"
            case .badDimension: "invalid dimensions"
            case .badParameter: "parameter out of range"
            case .scratchTooSmall: "too little scratch memory"
            case .badTarget: "target class out of range"
            case .outOfMemory: "too little memory"
            }
        return "\(kernel): \(text)"
    }

    /// Converts the status of a C kernel to an error.
    static func check(_ status: ck_status, _ kernel: StaticString = #function) throws(KernelError) {
        let reason: Reason
        switch status {
        case .ok: return
        case .nullPointer: reason = .nullPointer
        case .badDimension: reason = .badDimension
        case .badParameter: reason = .badParameter
        case .scratchTooSmall: reason = .scratchTooSmall
        case .badTarget: reason = .badTarget
        case .outOfMemory: reason = .outOfMemory
        }
        throw KernelError(kernel: "\(kernel)", reason: reason)
    }
}
