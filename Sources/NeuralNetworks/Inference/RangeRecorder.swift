import Tensors

/// Records the largest magnitudes of a model's values, for `FixedPointRecord`.
package final class RangeRecorder {
    /// Largest magnitude of the output of each layer of the folded network, by name.
    package private(set) var ranges = [String: Float]()
    private let network: PredictionNetwork
    private let workspace: Workspace
    private let names: [Graph.Value: String]

    package init(_ model: Model, batchSize: Int) throws {
        network = try PredictionNetwork(model, .float32)
        workspace = Workspace(network.network, capacity: batchSize)
        let nodes = network.network.plan.graph.nodes
        names = Dictionary(
            uniqueKeysWithValues: network.network.fixedPointLayers.map { (.output(of: $0), nodes[$0].layer.name) })
    }

    /// Adds the values in windows of pixels. `afterBatch` is called with the number of windows done so far and may throw to
    /// stop.
    package func add(
        _ bytes: UnsafeRawBufferPointer, _ windows: PixelWindows, afterBatch: ((Int) throws -> Void)? = nil
    ) throws {
        let nodes = network.network.plan.graph.nodes
        for start in stride(from: 0, to: windows.offsets.count, by: workspace.capacity) {
            var batch = windows
            batch.offsets = Array(windows.offsets[start...].prefix(workspace.capacity))
            workspace.setBatch(batch.offsets.count)
            try network.normalize(workspace.input, bytes.bytes, batch)
            try workspace.forward(.inference) { node, inputs in
                for (tensor, value) in zip(inputs, nodes[node].inputs) {
                    guard let name = names[value] else { continue }
                    ranges[name] = max(ranges[name] ?? 0, tensor.largestMagnitude)
                }
            }
            try afterBatch?(start + batch.offsets.count)
        }
    }
}

extension Tensor {
    fileprivate var largestMagnitude: Float {
        withUnsafeBuffer { values in
            // Several maxima at a time, which the compiler computes as vectors.
            var lanes = SIMD16<Float>(repeating: 0)
            let whole = values.count / 16 * 16
            for start in stride(from: 0, to: whole, by: 16) {
                let part = UnsafeRawPointer(values.baseAddress! + start).loadUnaligned(as: SIMD16<Float>.self)
                let negated = -part
                let magnitudes = part.replacing(with: negated, where: part .< 0)
                lanes.replace(with: magnitudes, where: magnitudes .> lanes)
            }
            return values[whole...].reduce(lanes.max()) { max($0, abs($1)) }
        }
    }
}
