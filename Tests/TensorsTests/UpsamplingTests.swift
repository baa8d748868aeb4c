import Tensors
import TestSupport
import Testing

/// Images of `planes` x `height` x `width` to which coarser ones are added.
private struct UpsamplingCase: CustomStringConvertible {
    let batch: Int
    let channels: Int
    let height: Int
    let width: Int

    var description: String { "N\(batch) C\(channels) \(height)x\(width)" }
    var fine: Shape { [batch, channels, height, width] }
    var coarse: Shape { [batch, channels, (height + 1) / 2, (width + 1) / 2] }

    static let all = (0..<120).map { k in
        UpsamplingCase(batch: 1 + k % 3, channels: 1 + k % 5, height: 1 + k % 9, width: 1 + k * 7 % 41)
    }

    func forward(_ skip: [Double], _ x: [Double]) -> [Double] {
        skip.indices.map { index in
            let (plane, pixel) = index.quotientAndRemainder(dividingBy: height * width)
            let (row, column) = pixel.quotientAndRemainder(dividingBy: width)
            return skip[index] + x[(plane * coarse[2] + row / 2) * coarse[3] + column / 2]
        }
    }
}

extension KernelTests {
    @Suite struct UpsamplingTests {
        private let tolerance = Tolerance(absolute: 1e-6, relative: 1e-6)

        @Test("upsampling with addition agrees with the naive reference for any size, and in place")
        func forward() throws {
            try sweep(UpsamplingCase.all, seed: 81) { item, seed in
                let skip = Formula.values(seed: seed, count: item.fine.count)
                let x = Formula.values(seed: seed &+ 1, count: item.coarse.count)
                let run = seed % 2 == 0 ? KernelRuns.aligned : .unaligned
                let y = run.output(item.fine)
                let (skips, xs) = (run.input(skip, item.fine), run.input(x, item.coarse))
                try Kernels.upsampleAddForward(y.tensor, skip: skips, xs)
                let found = try y.values("y")
                try compare("y", found, item.forward(skip.doubled, x.doubled), tolerance)
                try compareBits("skip", skips.values, skip)
                try Kernels.upsampleAddForward(skips, skip: skips, xs)
                try compareBits("y in place", skips.values, found)
            }
        }

        @Test("channels become pixels in the order of torch.nn.PixelShuffle, and the gradient is the inverse")
        func shuffle() throws {
            try sweep(UpsamplingCase.all, seed: 83) { item, seed in
                let (batch, planes, height, width) = (item.batch, item.channels, item.height, item.width)
                let shape: Shape = [batch, 4 * planes, height, width]
                let x = Formula.values(seed: seed, count: shape.count)
                let run = seed % 2 == 0 ? KernelRuns.aligned : .unaligned
                let y = run.output([batch, planes, 2 * height, 2 * width])
                try Kernels.pixelShuffleForward(y.tensor, run.input(x, shape))
                let found = try y.values("y")
                let expected = found.indices.map { index in
                    let (plane, pixel) = index.quotientAndRemainder(dividingBy: 4 * height * width)
                    let (row, column) = pixel.quotientAndRemainder(dividingBy: 2 * width)
                    let channel = plane * 4 + row % 2 * 2 + column % 2
                    return x[(channel * height + row / 2) * width + column / 2]
                }
                try compareBits("y", found, expected)
                let gx = run.output(shape)
                try Kernels.pixelShuffleBackward(gx.tensor, gy: run.input(found, y.tensor.shape))
                try compareBits("gx", gx.values("gx"), x)
            }
        }

        @Test("the gradient agrees with finite differences of the naive reference")
        func backward() throws {
            try sweep(UpsamplingCase.all.filter { $0.coarse.count < 100 }, seed: 82) { item, seed in
                let x = Formula.values(seed: seed, count: item.coarse.count)
                let gy = Formula.values(seed: seed &+ 1, count: item.fine.count)
                let zero = [Double](repeating: 0, count: gy.count)
                let expected = finiteDifferences(at: x.doubled, eps: 0.5) {
                    dot(item.forward(zero, $0), gy.doubled)
                }
                let gx = KernelRuns.unaligned.output(item.coarse)
                try Kernels.upsampleAddBackward(gx.tensor, gy: KernelRuns.unaligned.input(gy, item.fine))
                try compare("gx", try gx.values("gx"), expected, tolerance)
            }
        }
    }
}
