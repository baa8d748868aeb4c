/// Receives the notes and the progress of a pipeline, and can cancel it.
package protocol MaskObserver {
    /// Receives a remark about the image, one line without its name.
    func note(_ text: String)
    /// Calls `body`, which opens an image and changes no file. May throw to cancel the run.
    func opening<Value>(_ body: () throws -> Value) throws -> Value
    /// Receives progress, several times per second. An error thrown here cancels the run, which rethrows it; finished
    /// blocks stay in the window cache.
    func progress(_ progress: MaskProgress) throws
    /// Receives the prediction when all windows have their probabilities, before outputs are written.
    func predicted(_ prediction: Prediction)
}

extension MaskObserver {
    package func note(_ text: String) {}
    package func opening<Value>(_ body: () throws -> Value) throws -> Value { try body() }
    package func predicted(_ prediction: Prediction) {}
}

/// How far the work on one image is.
package struct MaskProgress: Sendable {
    package enum Stage: Hashable, Sendable {
        /// Windows are computed.
        case windows
        /// Rows are read or written for the output or step of this name.
        case rows(String)
    }

    package let stage: Stage
    package let done: Int
    package let total: Int
    /// Pixels decoded so far for the windows, at any resolution.
    package let decodedPixels: Int
    /// Whether the window cache has finished blocks that a later run can continue from.
    package let canResume: Bool
}
