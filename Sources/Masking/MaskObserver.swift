/// Receives the notes and the progress of a pipeline, and can cancel it.
package protocol MaskObserver {
    /// Receives a remark about the image, one line without its name.
    func note(_ text: String)
    /// Calls `body`, which opens an image and changes no file. May throw to cancel the run.
    func opening<Value>(_ body: () throws -> Value) throws -> Value
    /// Receives progress, several times per second. An error thrown here cancels the run, which rethrows it; finished
    /// blocks stay in the cache.
    func progress(_ progress: MaskProgress) throws
    /// Receives what was found in the image, before outputs are written.
    func found(_ findings: any MaskFindings)
}

extension MaskObserver {
    package func note(_ text: String) {}
    package func opening<Value>(_ body: () throws -> Value) throws -> Value { try body() }
    package func found(_ findings: any MaskFindings) {}
}

/// How far the work on one image is.
package struct MaskProgress: Sendable {
    package enum Stage: Hashable, Sendable {
        /// Windows or blocks are computed.
        case units(String)
        /// Rows are read or written for the output or step of this name.
        case rows(String)
    }

    package let stage: Stage
    package let done: Int
    package let total: Int
    /// Pixels decoded so far for them, at any resolution.
    package let decodedPixels: Int
    /// Whether the cache has finished blocks that a later run can continue from.
    package let canResume: Bool
}
