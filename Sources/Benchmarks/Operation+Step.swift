import Datasets
import NeuralNetworks
import Tensors

extension Operation {
    /// Operations of the optimizer on all parameters of a network.
    package static func optimizer(of architecture: Architecture, batch: Int) throws -> [Operation] {
        let plan = try NetworkWork.model(architecture).network.plan
        let parameters = plan.layout.parameterCount
        // Product gradients are not stored; the optimizer reads their factors.
        var (products, factors, flops) = (0, 0, 0.0)
        for (index, node) in plan.graph.nodes.enumerated() {
            let inputs = plan.inputShapes(of: index)
            guard plan.memoryTraits(of: index).productParameter != nil, let layer = node.layer as? LinearLayer else {
                continue
            }
            products += inputs[0].count * layer.outputs
            factors += batch * (inputs[0].count + layer.outputs)
            flops += 2 * Double(batch) * Double(inputs[0].count * layer.outputs)
        }
        let read = parameters - products + factors
        let shape = "\(parameters) parameters" + (products > 0 ? ", \(products) by products" : "")
        let name = architecture.rawValue
        return [
            Operation(network: name, kind: .norm, layer: "gradients", shape: shape, floats: read) {
                let work = try NetworkWork(architecture, .train, batch: batch)
                let norm = try work.optimizerStep().norm
                return Loaded { _ in try norm() }
            },
            // Parameters and both moments are read and written.
            Operation(
                network: name, kind: .step, layer: "AdamW", shape: shape,
                flops: products > 0 ? flops : nil, floats: 6 * parameters + read
            ) {
                let work = try NetworkWork(architecture, .train, batch: batch)
                let step = try work.optimizerStep().step
                return Loaded { _ in try step() }
            },
        ]
    }

    /// Operations on a batch of tiles: normalization and augmentation.
    package static func tiles(batch: Int) -> [Operation] {
        let side = TileSet.tileSize
        let bytes = batch * side * side * 3
        let windows = PixelWindows(
            height: side, width: side, rowStride: side * 3, offsets: (0..<batch).map { Int64($0 * side * side * 3) })
        let shape = "3x\(side)x\(side)"
        let normalize = Operation(
            network: "tiles", kind: .normalize, layer: "tiles", shape: shape, floats: bytes / 4 + bytes
        ) {
            let pixels = Pixels(count: bytes, fill: true)
            let planes = Tensor([batch, 3, side, side])
            let statistics = ChannelStatistics(mean: [180, 140, 170], deviation: [40, 50, 40])
            return Loaded { _ in
                try Kernels.normalize(planes, pixels.buffer.bytes, windows, statistics)
            }
        }
        let augmentations = AugmentationPreset.allCases.map { preset in
            Operation(
                network: "tiles", kind: .augment, layer: preset.rawValue, shape: shape, floats: bytes / 2
            ) {
                let (source, result) = (Pixels(count: bytes, fill: true), Pixels(count: bytes, fill: false))
                let drawn = (0..<batch).map { preset.settings.draw(seed: 1, epoch: 1, tile: $0, side: side).pixels }
                return Loaded(
                    scratchCount: { Kernels.augmentationScratchCount(windows, threads: Kernels.threadCount) },
                    execute: {
                        var augmented = result.buffer.mutableBytes
                        try Kernels.augment(
                            &augmented, source.buffer.bytes, windows, drawn,
                            threads: Kernels.threadCount, scratch: $0)
                    })
            }
        }
        return [normalize] + augmentations
    }
}

/// Owned bytes, random with `fill`.
private final class Pixels {
    let buffer: UnsafeMutableRawBufferPointer

    init(count: Int, fill: Bool) {
        buffer = .allocate(byteCount: count, alignment: 64)
        var random = SplitMix64(seed: 3)
        for offset in stride(from: 0, to: fill ? count : 0, by: 8) {
            buffer.storeBytes(of: random.next(), toByteOffset: offset, as: UInt64.self)
        }
    }

    deinit { buffer.deallocate() }
}
