import Tensors

/// Applies a model to windows of pixels, a batch at a time.
package final class Predictor {
    package let model: Model
    private let workspace: Workspace

    package init(_ model: Model, batchSize: Int) {
        self.model = model
        workspace = Workspace(model.network, capacity: batchSize, purpose: .inference)
    }

    /// Logits of every window: one row of as many numbers as the model has classes for each.
    /// `afterBatch`, when given, is told how many windows have been done; it may throw to stop.
    package func logits(
        _ bytes: UnsafeRawBufferPointer, _ windows: PixelWindows, afterBatch: ((Int) throws -> Void)? = nil
    ) throws -> [Float] {
        let classes = model.description.classes.count
        var result = [Float]()
        result.reserveCapacity(windows.offsets.count * classes)
        var done = 0
        while done < windows.offsets.count {
            let size = min(workspace.capacity, windows.offsets.count - done)
            workspace.setBatch(size)
            var batch = windows
            batch.offsets = Array(windows.offsets[done..<done + size])
            try Kernels.normalize(workspace.input, bytes, batch, model.description.statistics)
            try workspace.forward(.inference).withUnsafeBuffer { result.append(contentsOf: $0) }
            done += size
            try afterBatch?(done)
        }
        return result
    }

    /// Probabilities instead of logits.
    package func probabilities(_ bytes: UnsafeRawBufferPointer, _ windows: PixelWindows) throws -> [Float] {
        let classes = model.description.classes.count
        let rows = Tensor([windows.offsets.count, classes], try logits(bytes, windows))
        try Kernels.softmax(rows, rows)
        return rows.values
    }
}
