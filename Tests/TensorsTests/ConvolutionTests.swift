import Tensors
import TestSupport
import Testing

/// A convolution, its batch size, and inputs derived from a seed.
struct ConvolutionCase: CustomStringConvertible {
    let geometry: Convolution
    let batch: Int
    var hasBias = true

    var description: String {
        let g = geometry
        return "N\(batch) C\(g.channels) \(g.height)x\(g.width) K\(g.filters) \(g.kernelHeight)x\(g.kernelWidth) "
            + "stride \(g.strideY),\(g.strideX) padding \(g.paddingY),\(g.paddingX)\(hasBias ? "" : " no bias")"
    }

    var outputCount: Int {
        let g = geometry
        return batch * g.filters
            * Naive.outputLength(g.height, window: g.kernelHeight, stride: g.strideY, padding: g.paddingY)
            * Naive.outputLength(g.width, window: g.kernelWidth, stride: g.strideX, padding: g.paddingX)
    }

    func x(_ seed: UInt64) -> [Float] { Formula.values(seed: seed &* 4, count: geometry.inputShape.count * batch) }
    func w(_ seed: UInt64) -> [Float] {
        Formula.values(seed: seed &* 4 &+ 1, count: geometry.weightShape.count, scale: 0.3)
    }
    func bias(_ seed: UInt64) -> [Float]? {
        hasBias ? Formula.values(seed: seed &* 4 &+ 2, count: geometry.filters, scale: 0.2) : nil
    }
    func gy(_ seed: UInt64) -> [Float] { Formula.values(seed: seed &* 4 &+ 3, count: outputCount) }
}

/// Tolerance for sums of products in float32. The relative part allows a few dozen roundings. The absolute part is
/// proportional to the largest result, because single sums nearly cancel, but not smaller than for one product.
func productTolerance(_ expected: [Double]) -> Tolerance {
    Tolerance(absolute: 2e-6 * max(expected.largestMagnitude, 0.1), relative: 1e-5)
}

extension KernelTests {
    @Suite struct ConvolutionTests {
        private func check(_ item: ConvolutionCase, seed: UInt64, _ run: KernelRuns) throws {
            let (x, w, bias, gy) = (item.x(seed), item.w(seed), item.bias(seed), item.gy(seed))
            let g = item.geometry
            let expected = Naive.convolution(x.doubled, w.doubled, bias?.doubled, g, batch: item.batch)
            let reference = Naive.convolutionBackward(gy: gy.doubled, x.doubled, w.doubled, g, batch: item.batch)
            try ConvolutionVariant.each { variant in
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

        @Test("kernels 1-5, strides 1-3 and paddings 0-2 in both directions agree with the naive reference")
        func allWindows() throws {
            var cases: [ConvolutionCase] = []
            for r in 1...5 {
                for s in 1...5 {
                    for strides in [(1, 1), (2, 1), (1, 3), (2, 2), (3, 2), (3, 3)] {
                        for paddings in [(0, 0), (1, 0), (0, 2), (1, 1), (2, 2), (2, 1)] {
                            let k = cases.count
                            let geometry = Convolution(
                                channels: 1 + k % 3, height: r + k % 5, width: s + k * 3 % 7, filters: 1 + k * 5 % 4,
                                kernel: (r, s), stride: strides, padding: paddings)
                            cases.append(
                                ConvolutionCase(geometry: geometry, batch: 1 + k % 2, hasBias: k % 4 != 0))
                        }
                    }
                }
            }
            try sweep(cases, seed: 11) { try check($0, seed: $1, .aligned) }
        }

        @Test("any channels 1-17, filters 1-17, sizes from 1 and batches 1-5 agree with the naive reference")
        func anyShapes() throws {
            var cases: [ConvolutionCase] = []
            var seed: UInt64 = 0
            while cases.count < 300 {
                seed += 1
                let n = (0..<12).map { Int(Formula.bits(seed, $0) % 1024) }
                let geometry = Convolution(
                    channels: 1 + n[0] % 17, height: 1 + n[1] % 12, width: 1 + n[2] % 20, filters: 1 + n[3] % 17,
                    kernel: (1 + n[4] % 5, 1 + n[5] % 5), stride: (1 + n[6] % 3, 1 + n[7] % 3),
                    padding: (n[8] % 3, n[9] % 3))
                let fits =
                    geometry.kernelHeight <= geometry.height + 2 * geometry.paddingY
                    && geometry.kernelWidth <= geometry.width + 2 * geometry.paddingX
                guard fits else { continue }
                cases.append(ConvolutionCase(geometry: geometry, batch: 1 + n[10] % 5, hasBias: n[11] % 3 > 0))
            }
            try sweep(cases, seed: 12) { try check($0, seed: $1, $1 % 2 == 0 ? .aligned : .unaligned) }
        }

        @Test("every channel count 1-17 with every filter count 1-17 agrees with the naive reference")
        func allChannels() throws {
            let cases = (1...17).flatMap { channels in
                (1...17).map { filters in
                    ConvolutionCase(
                        geometry: Convolution(
                            channels: channels, height: 5, width: 6, filters: filters, kernel: (3, 3),
                            padding: (1, 1)), batch: 1)
                }
            }
            try sweep(cases, seed: 13) { try check($0, seed: $1, .aligned) }
        }

        @Test("the layers of LeNet agree with the naive reference")
        func lenet() throws {
            let cases = [
                Convolution(channels: 3, height: 64, width: 60, filters: 6, kernel: (5, 5), padding: (2, 2)),
                Convolution(channels: 6, height: 32, width: 37, filters: 16, kernel: (5, 5)),
                Convolution(channels: 16, height: 14, width: 17, filters: 120, kernel: (5, 5)),
            ].map { ConvolutionCase(geometry: $0, batch: 2) }
            try sweep(cases, seed: 14) { try check($0, seed: $1, .aligned) }
        }

        @Test(
            "row lengths around whole vectors, filter counts around whole blocks and several bands agree with the naive reference"
        )
        func blocks() throws {
            var cases: [ConvolutionCase] = []
            for width in [1, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 49] {
                for stride in 1...2 {
                    for kernel in [1, 3, 4] {
                        let k = cases.count
                        let geometry = Convolution(
                            channels: [1, 2, 6, 8, 9][k % 5], height: 3 + k % 4, width: width * stride,
                            filters: [2, 4, 5, 6, 7, 8, 9, 12, 13, 16, 17][k % 11], kernel: (3, kernel),
                            stride: (1 + k % 2, stride), padding: (k % 3, kernel / 2))
                        cases.append(ConvolutionCase(geometry: geometry, batch: 1 + k % 2, hasBias: k % 5 > 0))
                    }
                }
            }
            cases += [
                Convolution(channels: 20, height: 51, width: 70, filters: 7, kernel: (3, 3), padding: (1, 1)),
                Convolution(
                    channels: 7, height: 121, width: 90, filters: 20, kernel: (3, 3), stride: (2, 2), padding: (1, 1)),
                Convolution(
                    channels: 20, height: 67, width: 75, filters: 24, kernel: (1, 1), stride: (2, 2)),
                Convolution(
                    channels: 3, height: 70, width: 40, filters: 5, kernel: (3, 2), stride: (4, 1), padding: (0, 1)),
                Convolution(channels: 2, height: 23, width: 40, filters: 3, kernel: (5, 4), stride: (1, 4)),
            ].map { ConvolutionCase(geometry: $0, batch: 2) }
            try sweep(cases, seed: 16) { try check($0, seed: $1, $1 % 2 == 0 ? .aligned : .unaligned) }
        }

        /// Direct kernels support 128 taps, and 4 parts of a strided data gradient.
        @Test("kernels and strides at and beyond the limits of the direct kernels agree with the naive reference")
        func largeKernels() throws {
            let shapes: [(r: Int, s: Int, stride: Int)] = [
                (11, 11, 1), (8, 16, 1), (3, 43, 1), (12, 11, 1), (5, 5, 3), (7, 7, 2), (2, 2, 5),
            ]
            let cases = shapes.map {
                ConvolutionCase(
                    geometry: Convolution(
                        channels: 2, height: 19, width: 45, filters: 3, kernel: ($0.r, $0.s),
                        stride: ($0.stride, $0.stride), padding: (2, 3)), batch: 2)
            }
            try sweep(cases, seed: 17) { try check($0, seed: $1, .aligned) }
        }

        @Test("selecting an algorithm and instruction set changes how a convolution is computed")
        func variantsDiffer() throws {
            let item = ConvolutionCase(
                geometry: Convolution(channels: 6, height: 20, width: 30, filters: 8, kernel: (5, 5)), batch: 1)
            func bits(_ variant: ConvolutionVariant) throws -> ([UInt32], Int) {
                try variant.use {
                    let y = try KernelRuns.aligned.convolution(
                        item.x(1), item.w(1), item.bias(1), item.geometry, batch: 1)
                    return (y.map(\.bitPattern), item.geometry.scratchCount(batch: 1))
                }
            }
            let matrices = try bits(.im2col)
            #expect(ConvolutionVariant.available.count >= 2)
            for variant in ConvolutionVariant.available where variant != .im2col {
                let direct = try bits(variant)
                #expect(direct.0 != matrices.0 && direct.1 != matrices.1, "\(variant)")
            }
        }

        @Test("both backward kernels agree with finite differences of the naive forward pass")
        func finiteDifferenceGradients() throws {
            var cases: [ConvolutionCase] = []
            for (r, s) in [(1, 1), (2, 3), (3, 3), (5, 1), (4, 5), (5, 5)] {
                for strides in [(1, 1), (2, 1), (2, 3)] {
                    for paddings in [(0, 0), (1, 2), (2, 0)] {
                        let k = cases.count
                        let geometry = Convolution(
                            channels: 1 + k % 3, height: r + k % 3, width: s + 1 + k % 2, filters: 1 + k % 2,
                            kernel: (r, s), stride: strides, padding: paddings)
                        cases.append(ConvolutionCase(geometry: geometry, batch: 1 + k % 2))
                    }
                }
            }
            try sweep(cases, seed: 15) { item, seed in
                let (x, w, bias) = (item.x(seed).doubled, item.w(seed).doubled, item.bias(seed)!.doubled)
                let gy = item.gy(seed)
                func loss(_ x: [Double], _ w: [Double], _ bias: [Double]) -> Double {
                    dot(Naive.convolution(x, w, bias, item.geometry, batch: item.batch), gy.doubled)
                }
                let gx = finiteDifferences(at: x, eps: 0.1) { loss($0, w, bias) }
                let gw = finiteDifferences(at: w, eps: 0.1) { loss(x, $0, bias) }
                let gb = finiteDifferences(at: bias, eps: 0.1) { loss(x, w, $0) }
                try ConvolutionVariant.each { variant in
                    let ours = try KernelRuns.aligned.convolutionBackward(
                        gy: gy, item.x(seed), item.w(seed), item.geometry, batch: item.batch)
                    try compare("\(variant): gx", ours.gx, gx, variant.tolerance(gx, item.geometry))
                    try compare("\(variant): gw", ours.gw, gw, variant.tolerance(gw, item.geometry))
                    try compare("\(variant): gb", ours.gb!, gb, variant.tolerance(gb, item.geometry))
                }
            }
        }

        @Test("golden cases")
        func golden() throws {
            let cases = try Golden().cases(of: "conv2d", atLeast: 20)
            try sweep(cases) { item, _ in
                let (kernel, stride, padding) = try (item.pair("kernel"), item.pair("stride"), item.pair("padding"))
                let batch = try item.int("n")
                let g = try Convolution(
                    channels: item.int("cin"), height: item.int("h"), width: item.int("w"), filters: item.int("cout"),
                    kernel: kernel, stride: stride, padding: padding)
                let (x, w, gy) = try (item.floats("x"), item.floats("w"), item.floats("gy"))
                let bias = try item.bool("bias") ? item.floats("b") : nil
                let expected = try item.doubles(tensor: "y")
                let (gx, gw) = try (item.doubles(tensor: "gx"), item.doubles(tensor: "gw"))
                let gb = try bias.map { _ in try item.doubles(tensor: "gb") }
                try ConvolutionVariant.each { variant in
                    let y = try KernelRuns.aligned.convolution(x, w, bias, g, batch: batch)
                    try compare("\(variant): y", y, expected, variant.tolerance(expected, g))
                    let ours = try KernelRuns.aligned.convolutionBackward(
                        gy: gy, x, w, g, batch: batch, bias: bias != nil)
                    try compare("\(variant): gx", ours.gx, gx, variant.tolerance(gx, g))
                    try compare("\(variant): gw", ours.gw, gw, variant.tolerance(gw, g))
                    if let gb { try compare("\(variant): gb", ours.gb!, gb, variant.tolerance(gb, g)) }
                }
            }
        }

        /// Gradients with respect to weights sum tens of thousands of products here, so their absolute tolerance is larger.
        @Test("golden cases of full size", .enabled(if: (try? Golden().cases(of: "conv2d_full")) != nil))
        func goldenFullSize() throws {
            try sweep(try Golden().cases(of: "conv2d_full", atLeast: 3)) { item, _ in
                let (kernel, padding) = try (item.pair("kernel"), item.pair("padding"))
                let batch = try item.int("n")
                let g = try Convolution(
                    channels: item.int("cin"), height: item.int("h"), width: item.int("w"), filters: item.int("cout"),
                    kernel: kernel, stride: item.pair("stride"), padding: padding)
                func made(_ name: String, _ count: Int) throws -> [Float] {
                    let (seed, scale) = try item.formula(name)
                    return Formula.values(seed: seed, count: count, scale: scale)
                }
                let x = try made("x", batch * g.inputShape.count)
                let w = try made("w", g.weightShape.count)
                let gy = try made("gy", batch * g.outputShape().count)
                let b = try made("b", g.filters)
                try ConvolutionVariant.each { variant in
                    let y = try KernelRuns.aligned.convolution(x, w, b, g, batch: batch)
                    let ours = try KernelRuns.aligned.convolutionBackward(gy: gy, x, w, g, batch: batch)
                    for (name, values) in [("y", y), ("gx", ours.gx)] {
                        let places = try item.tensor("\(name)_index").integers()
                        let expected = try item.doubles(tensor: "\(name)_sample")
                        try compare(
                            "\(variant): \(name)_sample", places.map { values[Int($0)] }, expected,
                            variant.tolerance(expected, g))
                        let sumOfSquares = values.reduce(0.0) { $0 + Double($1) * Double($1) }
                        try compare(
                            "\(variant): \(name)_sumsq", [sumOfSquares], item.doubles(tensor: "\(name)_sumsq"),
                            Tolerance(absolute: 0, relative: 1e-6))
                    }
                    let sum = y.reduce(0.0) { $0 + Double($1) }
                    try compare(
                        "\(variant): y_sum", [sum], item.doubles(tensor: "y_sum"),
                        Tolerance(absolute: 1e-7 * Double(y.count), relative: 1e-6))
                    let (gw, gb) = try (item.doubles(tensor: "gw"), item.doubles(tensor: "gb"))
                    try compare(
                        "\(variant): gw", ours.gw, gw, Tolerance(absolute: 1e-5 * gw.largestMagnitude, relative: 1e-5))
                    try compare(
                        "\(variant): gb", ours.gb!, gb, Tolerance(absolute: 1e-5 * gb.largestMagnitude, relative: 1e-5))
                }
            }
        }

        @Test("a kernel larger than the padded image is refused")
        func kernelLargerThanImage() {
            let tooLarge = Convolution(
                channels: 1, height: 3, width: 9, filters: 1, kernel: (6, 3), padding: (1, 0))
            #expect(refusal { _ = try tooLarge.outputShape() } == .badDimension)
            #expect(tooLarge.scratchCount(batch: 1) == 0)
        }
    }
}
