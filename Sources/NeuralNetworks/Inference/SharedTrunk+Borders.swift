import Tensors

/// One end of a window along an axis: its top or left, or its bottom or right.
enum WindowEnd: CaseIterable {
    case leading, trailing
}

/// A part of the features that depend on the padding of windows.
enum BorderPart: Hashable {
    /// Rows as wide as the block, for every row of windows.
    case rows(WindowEnd)
    /// Columns as high as the block, for every column of windows.
    case columns(WindowEnd)
    /// The corner of every window at an end of its rows and an end of its columns.
    case corners(vertical: WindowEnd, horizontal: WindowEnd)
}

extension AxisFeatures {
    /// The features at one end that depend on padding.
    func ownFeatures(_ end: WindowEnd) -> Range<Int> {
        switch end {
        case .leading: 0..<leading
        case .trailing: length - trailing..<length
        }
    }
}

extension SharedTrunk {
    /// The borders of a layer's output, computed from its inputs. `map` is the shape of its output for the whole block.
    func borders(after node: Int, _ inputs: [Features], map: Shape) throws -> FeatureWindows.Borders {
        let (step, axis) = (steps[node], axes[.output(of: node)])
        if axis.leading + axis.trailing == 0 { return FeatureWindows.Borders() }
        let traits = step.layer.memoryTraits(for: inputs.map(\.map.shape), batch: 1)
        if traits.isIdentityAtInference { return inputs[0].borders }
        let grid = inputs[0].grid
        var result = FeatureWindows.Borders()
        func compute(_ part: BorderPart, rows: Range<Int>, columns: Range<Int>) throws -> Tensor {
            try self.compute(part, of: node, inputs, rows: rows, columns: columns)
        }
        for vertical in WindowEnd.allCases {
            let own = axis.ownFeatures(vertical)
            result.rows.append(try compute(.rows(vertical), rows: own, columns: 0..<map[2]))
            let columns = try compute(.columns(vertical), rows: 0..<map[1], columns: own)
            result.columns.append(columns.view([map[0], map[1], grid.columns.count, own.count]))
            for horizontal in WindowEnd.allCases {
                let ownColumns = axis.ownFeatures(horizontal)
                let corners = try compute(
                    .corners(vertical: vertical, horizontal: horizontal), rows: own, columns: ownColumns)
                result.corners.append(
                    corners.view([map[0], own.count, grid.corners.count, ownColumns.count]))
            }
        }
        return result
    }

    /// Some rows and columns of a layer's output. Rows of different windows are separate samples; columns and corners
    /// are placed side by side in one sample.
    private func compute(
        _ part: BorderPart, of node: Int, _ inputs: [Features], rows: Range<Int>, columns: Range<Int>
    ) throws -> Tensor {
        guard !rows.isEmpty, !columns.isEmpty else { return Tensor([0]) }
        let sideBySide = if case .rows = part { false } else { true }
        let step = steps[node]
        let layer = step.layer.borderVariant(sideBySide: sideBySide)
        let windows = step.layer.slidingWindows
        let paddingValue = windows.first?.paddingValue ?? 0
        let (vertical, horizontal) = (ReceptiveField(rows, windows), ReceptiveField(columns, windows))
        var gathered = [Tensor]()
        for (position, input) in inputs.enumerated() {
            let windows = input.windows(for: part)
            // The first input is read through the layer's window, the others at the positions of its sums.
            let patches =
                position > 0
                ? FeaturePatches(
                    firstRow: vertical.sums.lowerBound, rows: vertical.sums.count,
                    firstColumn: horizontal.sums.lowerBound, length: horizontal.sums.count)
                : FeaturePatches(
                    firstRow: vertical.input.lowerBound, rows: vertical.input.count,
                    firstColumn: horizontal.input.lowerBound, segments: sideBySide ? horizontal.sums.count : 1,
                    step: horizontal.stride, length: sideBySide ? horizontal.size : horizontal.input.count,
                    padding: paddingValue)
            let (count, width) = (windows.places.count, patches.segments * patches.length)
            let shape: Shape =
                sideBySide
                ? [1, windows.shape[0], patches.rows, count * width] : [count, windows.shape[0], patches.rows, width]
            let tensor = arena.tensor(.borderInput(position), count: shape.count).view(shape)
            try Kernels.gather(tensor, windows, patches, sideBySide: sideBySide)
            gathered.append(tensor)
        }
        let output = try layer.outputShape(for: gathered.map(\.shape.sample)).batched(gathered[0].shape[0])
        let result = arena.tensor(.border(node: node, part), count: output.count).view(output)
        try forward(Step(layer: layer, parameters: step.parameters), result, gathered)
        return result
    }

    /// The inputs along one axis that consecutive outputs of a layer depend on.
    private struct ReceptiveField {
        /// Outputs of the layer's first window: a convolution's sums before pooling.
        var sums: Range<Int>
        var input: Range<Int>
        /// Size and stride of the first window.
        let size: Int
        let stride: Int

        init(_ outputs: Range<Int>, _ windows: [SlidingWindow]) {
            func inputs(_ window: SlidingWindow, _ range: Range<Int>) -> Range<Int> {
                let first = range.lowerBound * window.stride - window.padding
                return first..<first + (range.count - 1) * window.stride + window.size
            }
            let first = windows.first ?? SlidingWindow(size: 1, stride: 1, padding: 0)
            sums = windows.dropFirst().reversed().reduce(outputs) { inputs($1, $0) }
            input = inputs(first, sums)
            (size, stride) = (first.size, first.stride)
        }
    }
}

extension SharedTrunk.Features {
    /// The areas that a part of the borders is computed from: rows of windows, columns of windows, or single windows.
    fileprivate func windows(for part: BorderPart) -> FeatureWindows {
        let ends = FeatureWindows.Ends(leading: axis.leading, trailing: axis.trailing)
        let none = FeatureWindows.Ends()
        switch part {
        case .corners: return windows(0..<grid.corners.count)
        case .rows:
            let places = grid.rows.enumerated().map {
                FeatureWindows.Place(y: $0.element / axis.stride, x: 0, row: $0.offset)
            }
            return FeatureWindows(
                shape: [map.shape[0], axis.length, map.shape[2]], map: map, places: places, borderRows: ends,
                borderColumns: none, borders: borders)
        case .columns:
            let places = grid.columns.enumerated().map {
                FeatureWindows.Place(y: 0, x: $0.element / axis.stride, column: $0.offset)
            }
            return FeatureWindows(
                shape: [map.shape[0], map.shape[1], axis.length], map: map, places: places, borderRows: none,
                borderColumns: ends, borders: borders)
        }
    }
}
