import Tensors
import TestSupport
import Testing

extension KernelTests {
    @Suite struct ImageTests {
        private struct Windows: CustomStringConvertible {
            let height: Int
            let width: Int
            /// Bytes between the rows of a window.
            let gap: Int
            let offsets: [Int64]

            var description: String { "\(offsets.count) windows \(height)x\(width), gap \(gap), at \(offsets)" }
            var native: PixelWindows {
                PixelWindows(height: height, width: width, rowStride: width * 3 + gap, offsets: offsets)
            }
            var byteCount: Int { Int(offsets.max() ?? 0) + (height - 1) * (width * 3 + gap) + width * 3 }

            func byte(_ bytes: [UInt8], _ n: Int, _ channel: Int, _ row: Int, _ column: Int) -> UInt8 {
                bytes[Int(offsets[n]) + row * (width * 3 + gap) + column * 3 + channel]
            }
        }

        private let statistics = ChannelStatistics(mean: [178.2, 120.5, 201], deviation: [31.4, 55, 17.25])

        private func bytes(_ count: Int, seed: UInt64) -> [UInt8] {
            (0..<count).map { UInt8(truncatingIfNeeded: Formula.bits(seed, $0) >> 32) }
        }

        private var cases: [Windows] {
            var cases: [Windows] = []
            for height in [1, 2, 5, 16] {
                for width in [1, 3, 5, 8, 15, 16, 17, 33, 64] {
                    let k = cases.count
                    // Overlapping, repeated, unaligned and unordered windows.
                    let offsets: [Int64] = [[0], [7, 0], [30, 30, 1], [301, 2, 77, 0, 150]][k % 4]
                    cases.append(
                        Windows(height: height, width: width, gap: [0, 1, 3, 50][k / 4 % 4], offsets: offsets))
                }
            }
            return cases
        }

        private func normalize(_ bytes: [UInt8], _ windows: Windows, _ statistics: ChannelStatistics) throws -> [Float]
        {
            let planes = GuardedTensor([windows.offsets.count, 3, windows.height, windows.width])
            try Kernels.normalize(planes.tensor, bytes.span.bytes, windows.native, statistics)
            return try planes.values("planes")
        }

        @Test("densities of a stain are means of 3 x 3 pixels inside the window, for gaps between rows and any offsets")
        func stainDensities() throws {
            let table = Formula.values(seed: 70, count: 3 * 256)
            try sweep(cases, seed: 72) { windows, seed in
                let bytes = bytes(windows.byteCount, seed: seed)
                var expected: [Double] = []
                for n in windows.offsets.indices {
                    for row in 0..<windows.height {
                        for column in 0..<windows.width {
                            var (sum, count) = (0.0, 0.0)
                            for y in max(row - 1, 0)...min(row + 1, windows.height - 1) {
                                for x in max(column - 1, 0)...min(column + 1, windows.width - 1) {
                                    count += 1
                                    for c in 0..<3 {
                                        sum += Double(table[256 * c + Int(windows.byte(bytes, n, c, y, x))])
                                    }
                                }
                            }
                            expected.append(sum / count)
                        }
                    }
                }
                let density = GuardedTensor([windows.offsets.count, windows.height, windows.width])
                try Kernels.stainDensity(density.tensor, bytes.span.bytes, windows.native, table: table)
                try compare(
                    "density", density.values("density"), expected, Tolerance(absolute: 2e-6, relative: 2e-6))
            }
        }

        @Test("normalization of windows with gaps between rows and any offsets")
        func normalization() throws {
            try sweep(cases, seed: 71) { windows, seed in
                let bytes = bytes(windows.byteCount, seed: seed)
                var expected: [Double] = []
                for n in windows.offsets.indices {
                    for c in 0..<3 {
                        let (mean, deviation) = (Double(statistics.mean[c]), Double(statistics.deviation[c]))
                        for row in 0..<windows.height {
                            for column in 0..<windows.width {
                                let byte = Double(windows.byte(bytes, n, c, row, column))
                                expected.append((byte / 255 - mean / 255) / (deviation / 255))
                            }
                        }
                    }
                }
                try compare(
                    "planes", normalize(bytes, windows, statistics), expected, Tolerance(absolute: 2e-6, relative: 2e-6)
                )
            }
        }

        @Test("all byte values map as (byte - mean) / deviation")
        func allValues() throws {
            let bytes = (0..<256).flatMap { [UInt8($0), UInt8($0), UInt8($0)] }
            let windows = Windows(height: 1, width: 256, gap: 0, offsets: [0])
            let half = ChannelStatistics(mean: [127.5, 0, 255], deviation: [127.5, 1, 255])
            let planes = try normalize(bytes, windows, half)
            let values = (0..<256).map { Double($0) }
            let expected = values.map { ($0 - 127.5) / 127.5 } + values + values.map { ($0 - 255) / 255 }
            try compare("planes", planes, expected, Tolerance(absolute: 3e-7, relative: 1e-6))
        }

        @Test("histograms count each byte of each window once")
        func histograms() throws {
            try sweep(cases, seed: 72) { windows, seed in
                let bytes = bytes(windows.byteCount, seed: seed)
                var expected = [UInt64](repeating: 0, count: 3 * 256)
                for n in windows.offsets.indices {
                    for row in 0..<windows.height {
                        for column in 0..<windows.width {
                            for c in 0..<3 {
                                expected[c * 256 + Int(windows.byte(bytes, n, c, row, column))] += 1
                            }
                        }
                    }
                }
                let counts = try Kernels.channelHistograms(bytes.span.bytes, windows.native)
                try compare("counts", counts.map { Double($0) }, expected.map { Double($0) }, .exact)
            }
        }

        @Test("deviations must be positive and means finite")
        func statisticsOutOfRange() throws {
            let windows = Windows(height: 1, width: 1, gap: 0, offsets: [0])
            for bad: Float in [0, -1, .nan] {
                for channel in 0..<3 {
                    var wrong = statistics
                    wrong.deviation[channel] = bad
                    let reason = refusal { _ = try normalize([1, 2, 3], windows, wrong) }
                    #expect(reason == .badParameter, "deviation \(bad) of channel \(channel)")
                }
            }
            for channel in 0..<3 {
                var wrong = statistics
                wrong.mean[channel] = .nan
                #expect(refusal { _ = try normalize([1, 2, 3], windows, wrong) } == .badParameter)
            }
        }
    }
}
