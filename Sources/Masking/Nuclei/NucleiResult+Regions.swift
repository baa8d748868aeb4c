import Imaging

extension NucleiResult {
    /// Calls `emit` with the rows of a mask of regions from top to bottom without gaps: white within a distance of a
    /// nucleus and inside the processed area. Rows are equal in steps of a sixteenth of the distance.
    package func forEachRegionBand(
        within microns: Double, afterRows: (Int) throws -> Void = { _ in }, _ emit: (MaskBand) throws -> Void
    ) throws {
        let reach = Reach(microns, micronsPerPixel)
        var (steps, gaps) = (RowRuns(), BlockGaps(self))
        var painter = BandPainter(self)
        for blockRow in 0..<grid.rows {
            try forEachBlock(ofRow: blockRow) { block, content in
                gaps.add(content, core: grid.imageRegion(grid.core(of: block)))
                for nucleus in content.nuclei {
                    reach.widen(nucleus, width: width, height: height) { steps.add($1, row: $0) }
                }
            }
            // Nuclei of the next row of blocks reach up.
            let next = grid.firstImageRow(ofBlockRow: blockRow + 1)
            let end = blockRow + 1 == grid.rows ? height : next - Int(reach.rows.rounded(.up)) - reach.step
            while painter.next < end {
                let white = steps.take(row: painter.next / reach.step)
                try painter.add(rows: reach.step, white: white, gaps: gaps, clips: true, emit)
            }
            gaps.remove(above: painter.next)
            try afterRows(painter.next)
        }
        try painter.finish(emit)
    }
}

/// The surroundings of nuclei.
private struct Reach {
    /// The distance in pixels along both axes.
    let columns: Double
    let rows: Double
    /// Rows of a step.
    let step: Int

    init(_ microns: Double, _ micronsPerPixel: (x: Double, y: Double)) {
        precondition(microns >= 0)
        (columns, rows) = (microns / micronsPerPixel.x, microns / micronsPerPixel.y)
        step = max(1, Int(rows / 16))
    }

    /// Calls `add` with columns within the distance of a nucleus, for each step. Columns may overlap.
    func widen(_ nucleus: Nucleus, width: Int, height: Int, _ add: (_ step: Int, Range<Int>) -> Void) {
        for part in parts(of: nucleus) {
            let top = max(0, Double(part.rows.lowerBound) - rows)
            let bottom = min(Double(part.rows.upperBound) + rows, Double(height))
            for index in Int(top) / step...(Int(bottom.rounded(.up)) - 1) / step {
                let center = (Double(index) + 0.5) * Double(step)
                let distance = max(
                    0, Double(part.rows.lowerBound) - center, center - Double(part.rows.upperBound))
                if distance > rows { continue }
                let share = rows > 0 ? distance / rows : 0
                let reach = columns * (1 - share * share).squareRoot()
                let left = max(0, (Double(part.columns.lowerBound) - reach).rounded())
                let right = min(Double(width), (Double(part.columns.upperBound) + reach).rounded())
                if left < right { add(index, Int(left)..<Int(right)) }
            }
        }
    }

    /// The pixels of a nucleus in each step of rows, as boxes around runs that touch.
    private func parts(of nucleus: Nucleus) -> [(rows: Range<Int>, columns: Range<Int>)] {
        var parts = [(rows: Range<Int>, columns: Range<Int>)]()
        for run in nucleus.runs {
            if let last = parts.last, last.rows.lowerBound / step == run.row / step,
                last.rows.upperBound == run.row, last.columns.overlaps(run.pixels)
            {
                let left = min(last.columns.lowerBound, run.pixels.lowerBound)
                let right = max(last.columns.upperBound, run.pixels.upperBound)
                parts[parts.count - 1] = (last.rows.lowerBound..<run.row + 1, left..<right)
            } else {
                parts.append((run.row..<run.row + 1, run.pixels))
            }
        }
        return parts
    }
}
