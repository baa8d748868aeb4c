import Tensors

/// A model's outputs are no numbers, and must not pass for an answer.
package struct PredictionError: Error, CustomStringConvertible {
    package let description =
        "the model's outputs are not finite numbers: its weights or statistics do not fit its input"
}

/// Applies a model to windows of pixels, a batch at a time.
///
/// Windows queue up until a batch is full, so that they may come in pieces of any size.
package final class Predictor {
    package let model: Model
    private let workspace: Workspace
    private var queued = 0

    /// A predictor with memory of its own. The model's weights must not change under it: it works with what they make
    /// of the convolutions when batch normalisations are folded into them.
    package init(_ model: Model, batchSize: Int) throws {
        self.model = model
        workspace = Workspace(try model.network.folded(), capacity: batchSize, purpose: .inference)
    }

    /// A predictor that works in a workspace of the model's network that is there already, and with its weights as
    /// they change.
    package init(_ model: Model, _ workspace: Workspace) {
        precondition(workspace.network === model.network)
        self.model = model
        self.workspace = workspace
    }

    /// Takes windows into the queue. `deliver` gets the logits of every batch that fills: one row of as many numbers
    /// as the model has classes for each window, in the order in which windows came.
    package func add(
        _ bytes: UnsafeRawBufferPointer, _ windows: PixelWindows,
        deliver: (UnsafeBufferPointer<Float>) throws -> Void
    ) throws {
        let sample = model.network.inputShape
        var done = 0
        while done < windows.offsets.count {
            workspace.setBatch(workspace.capacity)
            let size = min(workspace.capacity - queued, windows.offsets.count - done)
            var piece = windows
            piece.offsets = Array(windows.offsets[done..<done + size])
            let place = workspace.input.view(sample.batched(size), at: queued * sample.count)
            try Kernels.normalize(place, bytes, piece, model.description.statistics)
            queued += size
            done += size
            if queued == workspace.capacity { try flush(deliver: deliver) }
        }
    }

    /// Predicts what is still in the queue.
    package func flush(deliver: (UnsafeBufferPointer<Float>) throws -> Void) throws {
        guard queued > 0 else { return }
        workspace.setBatch(queued)
        queued = 0
        try workspace.forward(.inference).withUnsafeBuffer { logits in
            guard logits.allSatisfy(\.isFinite) else { throw PredictionError() }
            try deliver(logits)
        }
    }

    /// Logits of every window. `afterBatch`, when given, is told how many windows have been done; it may throw to stop.
    package func logits(
        _ bytes: UnsafeRawBufferPointer, _ windows: PixelWindows, afterBatch: ((Int) throws -> Void)? = nil
    ) throws -> [Float] {
        let classes = model.description.classes.count
        var result = [Float]()
        result.reserveCapacity(windows.offsets.count * classes)
        func deliver(_ rows: UnsafeBufferPointer<Float>) throws {
            result.append(contentsOf: rows)
            try afterBatch?(result.count / classes)
        }
        // Windows that a failure left behind.
        queued = 0
        try add(bytes, windows, deliver: deliver)
        try flush(deliver: deliver)
        return result
    }
}
