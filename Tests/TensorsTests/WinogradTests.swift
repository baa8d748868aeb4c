import Tensors
import TestSupport
import Testing

/// Tests of Winograd's transforms beyond those of all algorithms in `ConvolutionTests`.
extension KernelTests {
    @Suite struct WinogradTests {
        private static let variants = ConvolutionVariant.available.filter { $0.algorithm == .winograd }

        private func check(_ item: ConvolutionCase, seed: UInt64, _ run: KernelRuns) throws {
            let (x, w, bias, gy) = (item.x(seed), item.w(seed), item.bias(seed), item.gy(seed))
            let g = item.geometry
            let expected = Naive.convolution(x.doubled, w.doubled, bias?.doubled, g, batch: item.batch)
            let reference = Naive.convolutionBackward(gy: gy.doubled, x.doubled, w.doubled, g, batch: item.batch)
            for variant in Self.variants {
                try variant.use {
                    let y = try run.convolution(x, w, bias, g, batch: item.batch)
                    try compare("\(variant): y", y, expected, variant.tolerance(expected, g))
                    let ours = try run.convolutionBackward(gy: gy, x, w, g, batch: item.batch, bias: item.hasBias)
                    try compare("\(variant): gx", ours.gx, reference.gx, variant.tolerance(reference.gx, g))
                    try compare("\(variant): gw", ours.gw, reference.gw, variant.tolerance(reference.gw, g))
                    if let gb = ours.gb {
                        try compare("\(variant): gb", gb, reference.gb, variant.tolerance(reference.gb, g))
                    }
                }
            }
        }

        @Test(
            "output sizes around whole tiles and whole vectors of tiles, and paddings up to 6, agree with the naive reference"
        )
        func tiles() throws {
            var cases: [ConvolutionCase] = []
            for side in [3, 5] {
                for width in [1, 2, 3, 4, 5, 8, 9, 15, 16, 17, 31, 32, 33, 63, 64, 65, 67] {
                    for height in [1, 3, 4, 5, 9, 14, 35] {
                        let k = cases.count
                        let padding = (y: k % 7, x: k * 3 % 7)
                        let geometry = Convolution(
                            channels: 1 + k % 5, height: max(1, height + side - 1 - 2 * padding.y),
                            width: max(1, width + side - 1 - 2 * padding.x),
                            filters: [1, 2, 4, 6, 7, 8, 9, 13, 16, 17][k % 10], kernel: (side, side), padding: padding)
                        cases.append(ConvolutionCase(geometry: geometry, batch: 1 + k % 3, hasBias: k % 4 > 0))
                    }
                }
            }
            cases = cases.filter { item in
                let g = item.geometry
                return g.height + 2 * g.paddingY >= g.kernelHeight && g.width + 2 * g.paddingX >= g.kernelWidth
            }
            try sweep(cases, seed: 21) { try check($0, seed: $1, $1 % 2 == 0 ? .aligned : .unaligned) }
        }

        @Test("channel and filter counts of several blocks agree with the naive reference")
        func blocks() throws {
            let cases = [(130, 17, 5), (17, 130, 5), (70, 75, 3), (240, 3, 5), (96, 96, 3)].map {
                channels, filters, side in
                ConvolutionCase(
                    geometry: Convolution(
                        channels: channels, height: 9, width: 14, filters: filters, kernel: (side, side)), batch: 2)
            }
            try sweep(cases, seed: 22) { try check($0, seed: $1, .aligned) }
        }

        @Test("images wide enough for several strips side by side agree with the naive reference")
        func wideImages() throws {
            let cases = [(16, 5, 300, 20, 5), (40, 3, 200, 9, 5), (48, 9, 523, 6, 3), (7, 50, 385, 13, 3)].map {
                channels, filters, width, height, side in
                ConvolutionCase(
                    geometry: Convolution(
                        channels: channels, height: height, width: width, filters: filters, kernel: (side, side),
                        padding: (side / 2, side / 2)), batch: 1)
            }
            try sweep(cases, seed: 23) { try check($0, seed: $1, $1 % 2 == 0 ? .aligned : .unaligned) }
        }

        @Test("unsupported kernels and strides use another algorithm")
        func otherShapes() throws {
            for (kernel, stride) in [((5, 4), (1, 1)), ((5, 5), (2, 1)), ((3, 3), (1, 2)), ((4, 4), (1, 1))] {
                let item = ConvolutionCase(
                    geometry: Convolution(
                        channels: 6, height: 40, width: 64, filters: 16, kernel: kernel, stride: stride), batch: 1)
                func results() throws -> [[UInt32]] {
                    let y = try KernelRuns.aligned.convolution(
                        item.x(1), item.w(1), item.bias(1), item.geometry, batch: 1)
                    let back = try KernelRuns.aligned.convolutionBackward(
                        gy: item.gy(1), item.x(1), item.w(1), item.geometry, batch: 1)
                    return [y, back.gx, back.gw, back.gb!].map { $0.map(\.bitPattern) }
                }
                for variant in Self.variants {
                    let direct = ConvolutionVariant(algorithm: .direct, isa: variant.isa)
                    let (ours, other) = (try variant.use(results), try direct.use(results))
                    #expect(ours == other, "\(item), \(variant)")
                }
            }
        }

        private struct Layer {
            let geometry: Convolution
            let isPooled: Bool
        }

        private static let lenet = [
            Layer(
                geometry: Convolution(
                    channels: 3, height: 256, width: 256, filters: 6, kernel: (5, 5), padding: (2, 2)), isPooled: true),
            Layer(
                geometry: Convolution(channels: 6, height: 128, width: 128, filters: 16, kernel: (5, 5)),
                isPooled: true),
            Layer(
                geometry: Convolution(channels: 16, height: 62, width: 62, filters: 120, kernel: (5, 5)),
                isPooled: false),
        ]

        /// Weights are initialized as in PyTorch, pixels are 0 ... 1. The reference is float32 too; its error is about 3e-7
        /// of the largest output. Largest errors seen, relative to the largest output: 3.4e-6 in conv1, 3.0e-6 in conv2,
        /// 7e-7 in conv3, and 1e-7 in a probability.
        @Test("LeNet-5: every layer and the final probabilities are as accurate as documented")
        func lenetErrors() throws {
            let run = KernelRuns.aligned
            func weights(_ seed: UInt64, _ count: Int, inputs: Int) -> [Float] {
                Formula.values(seed: seed, count: count, scale: 1 / Double(inputs).squareRoot())
            }
            /// Unpooled outputs of each layer. Its input is the output of the previous layer, or given by `inputs`.
            func forward(_ variant: ConvolutionVariant, inputs: [[Float]]? = nil) throws -> (
                inputs: [[Float]], sums: [[Float]]
            ) {
                var all: (inputs: [[Float]], sums: [[Float]]) = ([], [])
                var x = Formula.values(seed: 31, count: 3 * 256 * 256).map { ($0 + 1) / 2 }
                for (i, layer) in Self.lenet.enumerated() {
                    let g = layer.geometry
                    let fan = g.channels * 25
                    let (w, b) = (
                        weights(UInt64(32 + i), g.weightShape.count, inputs: fan),
                        weights(UInt64(36 + i), g.filters, inputs: fan)
                    )
                    all.inputs.append(inputs?[i] ?? x)
                    let sums = try variant.use { try run.convolution(all.inputs[i], w, b, g, batch: 1) }
                    all.sums.append(sums)
                    x = try run.relu(sums)
                    if layer.isPooled {
                        let shape = try g.outputShape()
                        let pooling = Pooling(
                            channels: shape[0], height: shape[1], width: shape[2], window: (2, 2), stride: (2, 2))
                        x = try run.pool(.average, x, pooling, batch: 1)
                    }
                }
                all.inputs.append(x)
                return all
            }
            let features = 120 * 58 * 58
            let (w, b) = (weights(40, 84 * features, inputs: features), weights(41, 84, inputs: features))
            func probabilities(_ x: [Float]) throws -> [Double] {
                let hidden = try run.relu(run.linear(x, w, b, batch: 1, inputs: features, outputs: 84))
                let logits = try run.linear(
                    hidden, weights(42, 2 * 84, inputs: 84), weights(43, 2, inputs: 84), batch: 1, inputs: 84,
                    outputs: 2)
                return Naive.softmax(logits.doubled, classes: 2)
            }
            let exact = try forward(.im2col)
            let expected = try probabilities(exact.inputs.last!)
            for variant in Self.variants {
                for (i, sums) in try forward(variant, inputs: exact.inputs).sums.enumerated() {
                    let tolerance = Tolerance(absolute: 1e-5 * exact.sums[i].doubled.largestMagnitude, relative: 0)
                    try compare("conv\(i + 1), \(variant)", sums, exact.sums[i], tolerance)
                }
                try compare(
                    "probabilities, \(variant)", probabilities(forward(variant).inputs.last!), expected,
                    Tolerance(absolute: 1e-6, relative: 0))
            }
        }
    }
}
