import CKernels
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct FeatureWindowTests {
    private struct Case {
        var channels = 3
        var side = (height: 7, width: 9)
        var map = (height: 20, width: 23)
        var leading = 1
        var trailing = 2
        var length = 4
        var windows = 5
        var outputs = 3
    }

    private static let cases: [Case] = {
        var cases = [Case()]
        for (leading, trailing) in [(0, 0), (0, 1), (3, 0), (3, 4), (2, 2)] {
            cases.append(Case(leading: leading, trailing: trailing))
        }
        cases.append(Case(side: (1, 1), map: (4, 5), leading: 0, trailing: 1, length: 1))
        cases.append(Case(side: (20, 23), windows: 1))
        // More inputs than a piece has, more windows than are put together at once.
        cases.append(Case(channels: 11, side: (20, 23), map: (24, 40), windows: 35, outputs: 5))
        return cases
    }()

    private func tensor(_ seed: UInt64, _ shape: Shape) -> Tensor {
        Tensor(shape, Formula.values(seed: seed, count: shape.count))
    }

    private func windows(_ item: Case, _ seed: UInt64) -> FeatureWindows {
        let (c, n) = (item.channels, item.windows)
        let y = Formula.integers(seed: seed, count: n, below: item.map.height - item.side.height + 1)
        let x = Formula.integers(seed: seed + 1, count: n, below: item.map.width - item.side.width + 1)
        let places = (0..<n).map {
            FeatureWindows.Place(y: y[$0], x: x[$0], rowStrip: $0 % 3, columnStrip: ($0 + 1) % 2)
        }
        let borders = FeatureWindows.Borders(
            leading: item.leading, trailing: item.trailing, length: item.length,
            rows: tensor(seed + 2, [6, c, item.length, item.map.width]),
            columns: tensor(seed + 3, [4, c, item.length, item.map.height]),
            corners: tensor(seed + 4, [4 * n, c, item.length, item.length]))
        return FeatureWindows(
            shape: [c, item.side.height, item.side.width], map: tensor(seed + 5, [c, item.map.height, item.map.width]),
            places: places, borders: item.leading + item.trailing == 0 ? nil : borders)
    }

    /// Feature by feature.
    private func naive(_ f: FeatureWindows) -> [Float] {
        let (c, h, w) = (f.shape[0], f.shape[1], f.shape[2])
        var result = [Float]()
        for (n, place) in f.places.enumerated() {
            for channel in 0..<c {
                for i in 0..<h {
                    for j in 0..<w {
                        guard let b = f.borders else {
                            result.append(
                                f.map[(channel * f.map.shape[1] + place.y + i) * f.map.shape[2] + place.x + j])
                            continue
                        }
                        let vertical = i < b.leading ? 0 : i >= h - b.trailing ? 1 : -1
                        let horizontal = j < b.leading ? 0 : j >= w - b.trailing ? 1 : -1
                        let row = vertical == 1 ? b.length - (h - i) : i
                        let column = horizontal == 1 ? b.length - (w - j) : j
                        switch (vertical, horizontal) {
                        case (-1, -1):
                            result.append(
                                f.map[(channel * f.map.shape[1] + place.y + i) * f.map.shape[2] + place.x + j])
                        case (_, -1):
                            let strip = 2 * place.rowStrip + vertical
                            result.append(
                                b.rows[((strip * c + channel) * b.length + row) * f.map.shape[2] + place.x + j])
                        case (-1, _):
                            let strip = 2 * place.columnStrip + horizontal
                            result.append(
                                b.columns[((strip * c + channel) * b.length + column) * f.map.shape[1] + place.y + i])
                        default:
                            let corner = 4 * n + 2 * vertical + horizontal
                            result.append(b.corners[((corner * c + channel) * b.length + row) * b.length + column])
                        }
                    }
                }
            }
        }
        return result
    }

    @Test func gatheredWindowsAreTheirFeatures() throws {
        try sweep(Self.cases) { item, seed in
            let windows = windows(item, seed)
            let y = GuardedTensor([item.windows, windows.shape.count])
            try Kernels.gather(y.tensor, windows)
            try #require(try y.values("y") == naive(windows))
        }
    }

    @Test func denseLayersOnWindowsAreThoseOnGatheredOnes() throws {
        try sweep(Self.cases) { item, seed in
            let windows = windows(item, seed)
            let inputs = windows.shape.count
            let gathered = Tensor([item.windows, inputs], naive(windows))
            let weight = tensor(seed + 6, [item.outputs, inputs])
            let bias = tensor(seed + 7, [item.outputs])
            let expected = Tensor([item.windows, item.outputs])
            try ConvolutionForm.each { _ in
                let scratch = Tensor([
                    Kernels.linearScratchCount(batch: item.windows, inputs: inputs, outputs: item.outputs)
                ])
                try Kernels.linearForward(expected, gathered, weight: weight, bias: bias, scratch: scratch)
                for threads in [1, 3] {
                    try Kernels.setThreadCount(threads)
                    let y = GuardedTensor([item.windows, item.outputs])
                    let own = GuardedTensor([Kernels.linearScratchCount(windows, outputs: item.outputs)])
                    try Kernels.linearForward(y.tensor, windows, weight: weight, bias: bias, scratch: own.tensor)
                    try compare("y", try y.values("y"), expected.values, .exact)
                    _ = try own.values("scratch")
                }
            }
        }
    }

    @Test func transposedPixelsAreThePixels() throws {
        try sweep([(1, 1), (5, 3), (40, 33)]) { (item: (Int, Int), seed: UInt64) in
            let (width, height) = item
            let bytes = Formula.integers(seed: seed, count: 4000 * 3 + 7, below: 256).map { UInt8($0) }
            let windows = PixelWindows(height: height, width: width, rowStride: 70 * 3, offsets: [0, 7, 633])
            let statistics = ChannelStatistics(mean: [100, 110, 120], deviation: [40, 50, 60])
            let (plain, turned) = (Tensor([3, 3, height, width]), GuardedTensor([3, 3, width, height]))
            try bytes.withUnsafeBytes {
                try Kernels.normalize(plain, $0, windows, statistics)
                try Kernels.normalizeTransposed(turned.tensor, $0, windows, statistics)
            }
            for plane in 0..<9 {
                for y in 0..<height {
                    for x in 0..<width {
                        let place = plane * width * height
                        try #require(
                            turned.tensor[place + x * height + y] == plain[place + y * width + x],
                            "\(plane), \(x), \(y)")
                    }
                }
            }
            _ = try turned.values("planes")
        }
    }

    @Test func wrongArgumentsHaveTheirStatus() {
        var map = [Float](repeating: 1, count: 100), y = [Float](repeating: 0, count: 100)
        var place = ck_feature_place(y: 0, x: 0, row: 0, column: 0)
        func status(_ change: (inout ck_feature_windows) -> Void, scratch: Int = 1 << 16) -> [ck_status] {
            map.withUnsafeMutableBufferPointer { map in
                withUnsafePointer(to: &place) { place in
                    var f = ck_feature_windows(
                        n: 1, c: 1, h: 3, w: 3, leading: 1, trailing: 1, strip: 1, map: map.baseAddress, map_h: 5,
                        map_w: 5,
                        rows: map.baseAddress, columns: map.baseAddress, corners: map.baseAddress, places: place)
                    change(&f)
                    var memory = [Float](repeating: 0, count: 1 << 16)
                    return [
                        ck_gather_windows(&y, &f),
                        ck_linear_windows_forward(&y, &f, map.baseAddress, nil, 2, &memory, scratch),
                    ]
                }
            }
        }
        #expect(status { _ in } == [.ok, .ok])
        #expect(status { $0.map = nil } == [.nullPointer, .nullPointer])
        #expect(status { $0.places = nil } == [.nullPointer, .nullPointer])
        #expect(status { $0.rows = nil } == [.nullPointer, .nullPointer])
        #expect(status { ($0.rows, $0.leading, $0.trailing) = (nil, 0, 0) } == [.ok, .ok])
        #expect(status { $0.n = 0 } == [.badDimension, .badDimension])
        #expect(status { $0.map_w = 2 } == [.badDimension, .badDimension])
        #expect(status { $0.strip = 0 } == [.badDimension, .badDimension])
        #expect(status { $0.leading = 3 } == [.badDimension, .badDimension])
        #expect(status({ _ in }, scratch: 10) == [.ok, .scratchTooSmall])
    }
}
