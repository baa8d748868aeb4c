import CKernels
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct FeatureWindowTests {
    private struct Case {
        var channels = 3
        var side = (height: 7, width: 9)
        var map = (height: 20, width: 23)
        var borderRows = FeatureWindows.Ends(leading: 1, trailing: 2)
        var borderColumns = FeatureWindows.Ends(leading: 2, trailing: 1)
        var windows = 5
        var outputs = 3
    }

    private static let cases: [Case] = {
        var cases = [Case()]
        for (leading, trailing) in [(0, 0), (0, 1), (3, 0), (3, 4), (2, 2)] {
            let ends = FeatureWindows.Ends(leading: leading, trailing: trailing)
            cases.append(Case(borderRows: ends))
            cases.append(Case(borderColumns: ends))
            // Inner parts of several vectors and a partial one.
            cases.append(
                Case(side: (20, 23), map: (24, 40), borderRows: ends, borderColumns: ends, windows: 6, outputs: 8))
        }
        let last = FeatureWindows.Ends(trailing: 1)
        cases.append(Case(side: (1, 1), map: (4, 5), borderRows: last, borderColumns: last))
        cases.append(Case(side: (20, 23), windows: 1))
        cases.append(Case(channels: 19, side: (18, 39), map: (24, 40), windows: 9, outputs: 13))
        // More outputs, and more windows, than in one block.
        cases.append(Case(channels: 2, side: (18, 39), map: (24, 40), windows: 35, outputs: 53))
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
            FeatureWindows.Place(y: y[$0], x: x[$0], row: $0 % 3, column: ($0 + 1) % 2, corner: n - 1 - $0)
        }
        var borders = FeatureWindows.Borders()
        for end in 0..<2 {
            let seed = seed + UInt64(10 * end)
            borders.rows.append(tensor(seed + 2, [3, c, item.borderRows[end], item.map.width]))
            borders.columns.append(tensor(seed + 3, [c, item.map.height, 2, item.borderColumns[end]]))
            for side in 0..<2 {
                borders.corners.append(
                    tensor(seed + 4 + UInt64(side), [c, item.borderRows[end], n, item.borderColumns[side]]))
            }
        }
        return FeatureWindows(
            shape: [c, item.side.height, item.side.width],
            map: tensor(seed + 30, [c, item.map.height, item.map.width]),
            places: places, borderRows: item.borderRows, borderColumns: item.borderColumns, borders: borders)
    }

    /// One feature of a window; `padding` outside the window.
    private func feature(
        _ f: FeatureWindows, _ n: Int, _ channel: Int, _ i: Int, _ j: Int, padding: Float = 0
    ) -> Float {
        let (c, h, w) = (f.shape[0], f.shape[1], f.shape[2])
        guard 0..<h ~= i, 0..<w ~= j else { return padding }
        let (place, b) = (f.places[n], f.borders)
        let vertical = i < f.borderRows.leading ? 0 : i >= h - f.borderRows.trailing ? 1 : -1
        let horizontal = j < f.borderColumns.leading ? 0 : j >= w - f.borderColumns.trailing ? 1 : -1
        let row = vertical == 1 ? i - (h - f.borderRows.trailing) : i
        let column = horizontal == 1 ? j - (w - f.borderColumns.trailing) : j
        switch (vertical, horizontal) {
        case (-1, -1):
            return f.map[(channel * f.map.shape[1] + place.y + i) * f.map.shape[2] + place.x + j]
        case (_, -1):
            let height = f.borderRows[vertical]
            return b.rows[vertical][((place.row * c + channel) * height + row) * f.map.shape[2] + place.x + j]
        case (-1, _):
            let strips = b.columns[horizontal]
            let line = (channel * f.map.shape[1] + place.y + i) * strips.shape[2] + place.column
            return strips[line * strips.shape[3] + column]
        default:
            let corners = b.corners[2 * vertical + horizontal]
            let line = (channel * corners.shape[1] + row) * corners.shape[2] + place.corner
            return corners[line * corners.shape[3] + column]
        }
    }

    /// All windows, gathered one feature at a time.
    private func naive(_ f: FeatureWindows) -> [Float] {
        f.places.indices.flatMap { n in
            (0..<f.shape[0]).flatMap { c in
                (0..<f.shape[1]).flatMap { i in (0..<f.shape[2]).map { j in feature(f, n, c, i, j) } }
            }
        }
    }

    @Test func gatheredWindowsEqualNaiveOnes() throws {
        try sweep(Self.cases) { item, seed in
            let windows = windows(item, seed)
            let y = GuardedTensor([item.windows, windows.shape.count])
            let flat = y.tensor.view(windows.shape.batched(item.windows))
            try Kernels.gather(flat, windows)
            try #require(try y.values("y") == naive(windows))
        }
    }

    @Test func gatheredPatchesEqualNaiveOnes() throws {
        let patches = [
            FeaturePatches(firstRow: 0, rows: 2, firstColumn: 0, length: 3),
            FeaturePatches(firstRow: -2, rows: 5, firstColumn: -1, segments: 3, step: 2, length: 4),
            FeaturePatches(
                firstRow: -1, rows: 4, firstColumn: -2, segments: 3, step: 2, length: 3, padding: -.infinity),
            FeaturePatches(firstRow: 5, rows: 4, firstColumn: 6, segments: 2, step: 1, length: 5),
            FeaturePatches(firstRow: -1, rows: 9, firstColumn: -2, length: 13),
        ]
        try sweep(Self.cases.flatMap { item in patches.map { (item, $0) } }) { (item: (Case, FeaturePatches), seed) in
            let (windows, p) = (windows(item.0, seed), item.1)
            func patch(_ n: Int, _ c: Int, _ row: Int) -> [Float] {
                (0..<p.segments).flatMap { segment in
                    (0..<p.length).map {
                        feature(
                            windows, n, c, p.firstRow + row, p.firstColumn + segment * p.step + $0, padding: p.padding)
                    }
                }
            }
            let (count, channels, width) = (item.0.windows, item.0.channels, p.segments * p.length)
            let y = GuardedTensor([count, channels, p.rows, width])
            try Kernels.gather(y.tensor, windows, p)
            let expected = (0..<count).flatMap { n in
                (0..<channels).flatMap { c in (0..<p.rows).flatMap { patch(n, c, $0) } }
            }
            try #require(try y.values("y") == expected)
            let row = GuardedTensor([1, channels, p.rows, count * width])
            try Kernels.gather(row.tensor, windows, p, sideBySide: true)
            let sideBySide = (0..<channels).flatMap { c in
                (0..<p.rows).flatMap { row in (0..<count).flatMap { patch($0, c, row) } }
            }
            try #require(try row.values("y, side by side") == sideBySide)
        }
    }

    @Test func denseLayersAgreeWithGatheredWindows() throws {
        try sweep(Self.cases) { item, seed in
            let windows = windows(item, seed)
            let inputs = windows.shape.count
            let gathered = Tensor([item.windows, inputs], naive(windows))
            let weight = tensor(seed + 6, [item.outputs, inputs])
            let bias = tensor(seed + 7, [item.outputs])
            let expected = Tensor([item.windows, item.outputs])
            try ConvolutionVariant.each { _ in
                let scratch = Tensor([
                    Kernels.linearScratchCount(batch: item.windows, inputs: inputs, outputs: item.outputs)
                ])
                try Kernels.linearForward(expected, gathered, weight: weight, bias: bias, scratch: scratch)
                var first: [Float]?
                for threads in [1, 3] {
                    try Kernels.setThreadCount(threads)
                    let y = GuardedTensor([item.windows, item.outputs])
                    let own = GuardedTensor([Kernels.linearScratchCount(windows, outputs: item.outputs)])
                    try Kernels.linearForward(y.tensor, windows, weight: weight, bias: bias, scratch: own.tensor)
                    let found = try y.values("y")
                    try compare("y", found, expected.values, Tolerance(absolute: 5e-5, relative: 1e-6))
                    try #require(first == nil || first == found, "\(threads) threads")
                    first = found
                    _ = try own.values("scratch")
                }
            }
        }
    }

    @Test func denseLayersInFixedPointAgreeWithGatheredWindows() throws {
        try sweep(Self.cases) { item, seed in
            let windows = windows(item, seed)
            let (c, plane) = (item.channels, item.side.height * item.side.width)
            let linear = FixedPointLinear(channels: c, plane: plane, outputs: item.outputs, inputScale: 1 / 8191)
            let gathered = Tensor([item.windows, c * plane], naive(windows))
            let weight = tensor(seed + 6, [item.outputs, c * plane]), bias = tensor(seed + 7, [item.outputs])
            let expected = Tensor([item.windows, item.outputs])
            try ck_isa.eachForFixedPoint { _ in
                let packed = Tensor([linear.packedCount])
                try Kernels.packFixedPoint(packed, weight: weight, linear)
                try Kernels.fixedPointForward(
                    expected, gathered, packed: packed, bias: bias, linear,
                    scratch: Tensor([linear.scratchCount(batch: item.windows)]))
                // All channels, and ranges of them that start with an even one.
                for (cuts, threads) in [([0, c], 1), ([0, c / 4 * 2, c], 3)] {
                    try Kernels.setThreadCount(threads)
                    let y = GuardedTensor([item.windows, item.outputs])
                    for (first, last) in zip(cuts, cuts.dropFirst()) where last > first {
                        let some = slice(windows, first..<last)
                        let own = GuardedTensor([Kernels.scratchCount(some, linear)])
                        try Kernels.fixedPointForward(
                            y.tensor, some, packed: packed, bias: bias, linear, scratch: own.tensor)
                        _ = try own.values("scratch")
                    }
                    try compare("y", y.values("y"), expected.values, Tolerance(absolute: 1e-4, relative: 1e-6))
                }
            }
        }
    }

    /// All products have the largest magnitude and the same sign, for more steps than 32 bits hold.
    @Test func theLargestSumsOfWindowsDoNotOverflow() throws {
        let ends = FeatureWindows.Ends(leading: 1, trailing: 1)
        let item = Case(
            channels: 2, side: (59, 75), map: (61, 80), borderRows: ends, borderColumns: ends, windows: 5, outputs: 7)
        let windows = windows(item, 2)
        for tensor in [windows.map] + windows.borders.rows + windows.borders.columns + windows.borders.corners {
            tensor.fill(-3)
        }
        let plane = item.side.height * item.side.width
        let linear = FixedPointLinear(channels: 2, plane: plane, outputs: 7, inputScale: 1 / 8191)
        let weight = Tensor([7, 2 * plane], (0..<14 * plane).map { $0 / plane % 4 < 2 ? Float(0.5) : -0.5 })
        try ck_isa.eachForFixedPoint { _ in
            let packed = Tensor([linear.packedCount]), y = GuardedTensor([5, 7])
            try Kernels.packFixedPoint(packed, weight: weight, linear)
            try Kernels.fixedPointForward(
                y.tensor, windows, packed: packed, bias: nil, linear,
                scratch: Tensor([Kernels.scratchCount(windows, linear)]))
            let expected = (0..<35).map { Double(plane) * ($0 % 7 % 2 == 0 ? -1 : 1) }
            try compare("y", y.values("y"), expected, Tolerance(absolute: 0.05))
        }
    }

    /// A range of channels of all windows.
    private func slice(_ windows: FeatureWindows, _ channels: Range<Int>) -> FeatureWindows {
        FeatureWindows(
            shape: [channels.count, windows.shape[1], windows.shape[2]], map: windows.map.rows(channels),
            firstChannel: channels.lowerBound, channels: windows.channels, places: windows.places,
            borderRows: windows.borderRows, borderColumns: windows.borderColumns, borders: windows.borders)
    }

    @Test func rangesOfChannelsAddUp() throws {
        for (cuts, item) in [
            ([0, 1, 3], Case()), ([0, 8, 16, 19], Case(channels: 19, side: (18, 39), map: (24, 40), outputs: 13)),
        ] {
            let all = windows(item, 5)
            let weight = tensor(6, [item.outputs, all.shape.count]), bias = tensor(7, [item.outputs])
            let expected = Tensor([item.windows, item.outputs]), y = Tensor(expected.shape)
            let scratch = Tensor([Kernels.linearScratchCount(all, outputs: item.outputs)])
            try Kernels.linearForward(expected, all, weight: weight, bias: bias, scratch: scratch)
            y.fill(.nan)
            for (first, last) in zip(cuts, cuts.dropFirst()) {
                let some = slice(all, first..<last)
                try Kernels.linearForward(y, some, weight: weight, bias: bias, scratch: scratch)
                // The same channels, gathered.
                let gathered = Tensor([item.windows, some.shape.count])
                try Kernels.gather(gathered.view(some.shape.batched(item.windows)), some)
                let plane = all.shape[1] * all.shape[2]
                let expected = naive(all).enumerated().filter {
                    (first * plane..<last * plane).contains($0.offset % all.shape.count)
                }
                try #require(gathered.values == expected.map(\.element))
            }
            try compare("y", y.values, expected.values, Tolerance(absolute: 2e-5, relative: 1e-6))
        }
    }

    /// The results for a window depend neither on other windows of the batch nor on its position in the batch.
    @Test func resultsDoNotDependOnTheBatch() throws {
        let all = windows(Case(channels: 5, side: (18, 39), map: (24, 40), windows: 9), 3)
        let weight = tensor(4, [7, all.shape.count])
        func outputs(_ windows: FeatureWindows) throws -> [Float] {
            let y = Tensor([windows.places.count, 7])
            let scratch = Tensor([Kernels.linearScratchCount(windows, outputs: 7)])
            try Kernels.linearForward(y, windows, weight: weight, bias: nil, scratch: scratch)
            return y.values
        }
        let together = try outputs(all)
        for n in 0..<9 {
            let one = FeatureWindows(
                shape: all.shape, map: all.map, places: [all.places[n]], borderRows: all.borderRows,
                borderColumns: all.borderColumns, borders: all.borders)
            try #require(try outputs(one) == Array(together[n * 7..<(n + 1) * 7]))
        }
    }

    @Test func invalidArgumentsAreRefused() {
        var map = [Float](repeating: 1, count: 100), y = [Float](repeating: 0, count: 100)
        var place = ck_feature_place(y: 0, x: 0, row: 0, column: 0, corner: 0)
        func status(
            scratch: Int = 1 << 16,
            patches: ck_patches? = ck_patches(
                first_row: 0, rows: 3, first_column: 0, segments: 1, step: 0, length: 3, padding: 0),
            _ change: (inout ck_feature_windows) -> Void = { _ in }
        ) -> [ck_status] {
            map.withUnsafeMutableBufferPointer { map in
                withUnsafePointer(to: &place) { place in
                    let m = UnsafePointer(map.baseAddress)
                    var f = ck_feature_windows(
                        n: 1, c: 1, h: 3, w: 3, first_channel: 0, channels: 1, border_rows: (1, 1),
                        border_columns: (1, 1),
                        map: m, map_h: 5, map_w: 5,
                        rows: (m, m), columns: (m, m), corners: (m, m, m, m), column_strips: 1, corner_strips: 1,
                        places: place)
                    change(&f)
                    var memory = [Float](repeating: 0, count: 1 << 16)
                    var patches = patches
                    let gathered =
                        if patches != nil { ck_gather_patches(&y, &f, &patches!, false) } else {
                            ck_gather_patches(&y, &f, nil, false)
                        }
                    return [gathered, ck_linear_windows_forward(&y, &f, m, nil, 2, &memory, scratch)]
                }
            }
        }
        #expect(status() == [.ok, .ok])
        #expect(status { $0.map = nil } == [.nullPointer, .nullPointer])
        #expect(status { $0.places = nil } == [.nullPointer, .nullPointer])
        #expect(status { $0.rows.1 = nil } == [.nullPointer, .nullPointer])
        #expect(status { $0.columns.0 = nil } == [.nullPointer, .nullPointer])
        #expect(status { $0.corners.2 = nil } == [.nullPointer, .nullPointer])
        #expect(
            status { ($0.rows.0, $0.corners.0, $0.corners.1, $0.border_rows.0) = (nil, nil, nil, 0) } == [.ok, .ok])
        #expect(status { $0.n = 0 } == [.badDimension, .badDimension])
        #expect(status { $0.map_w = 2 } == [.badDimension, .badDimension])
        #expect(status { $0.border_rows.0 = -1 } == [.badDimension, .badDimension])
        #expect(status { $0.border_columns.0 = 3 } == [.badDimension, .badDimension])
        #expect(status(scratch: 10) == [.ok, .scratchTooSmall])
        #expect(status { $0.channels = 2 } == [.ok, .ok])
        #expect(status { $0.first_channel = 1 } == [.badDimension, .badDimension])
        #expect(status { $0.first_channel = -1 } == [.badDimension, .badDimension])
        #expect(status(patches: nil) == [.nullPointer, .ok])
        for (rows, segments, step, length) in [(0, 1, 0, 3), (1, 0, 0, 3), (1, 1, -1, 3), (1, 1, 0, 0)]
            as [(
                Int64, Int64, Int64, Int64
            )]
        {
            let patches = ck_patches(
                first_row: 0, rows: rows, first_column: 0, segments: segments, step: step, length: length, padding: 0)
            #expect(status(patches: patches) == [.badDimension, .ok])
        }
    }
}
