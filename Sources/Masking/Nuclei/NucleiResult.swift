import Foundations
import Imaging

/// The nuclei of an image, read from their store block by block.
///
/// The store has all blocks of the grid. Memory does not depend on the height of the image: at most two rows of blocks are
/// kept.
package struct NucleiResult {
    package let store: NucleusStore
    package let grid: NucleusGrid
    /// The processed area; nil for all of the image.
    package let tissue: TissueMap?
    /// At full resolution.
    package let micronsPerPixel: (x: Double, y: Double)

    package init(
        _ store: NucleusStore, _ grid: NucleusGrid, tissue: TissueMap?, micronsPerPixel: (x: Double, y: Double)
    ) {
        precondition(store.blocks == grid.count)
        (self.store, self.grid, self.tissue, self.micronsPerPixel) = (store, grid, tissue, micronsPerPixel)
    }

    /// Pixels at full resolution.
    package var width: Int { grid.width }
    package var height: Int { grid.height }
    /// Square microns of a pixel.
    package var squareMicrons: Double { micronsPerPixel.x * micronsPerPixel.y }

    /// Calls `body` with each nucleus, in the order of blocks and of anchors in a block, and its number in this order from
    /// 1. `afterBlock` receives the number of finished blocks and may throw to cancel. Returns the number of nuclei.
    @discardableResult package func forEachNucleus(
        afterBlock: (Int) throws -> Void = { _ in }, _ body: (_ id: Int, _ nucleus: Nucleus) throws -> Void
    ) throws -> Int {
        var count = 0
        for block in 0..<grid.count {
            for nucleus in try store.block(block).nuclei {
                count += 1
                try body(count, nucleus)
            }
            try afterBlock(block + 1)
        }
        return count
    }

    /// Calls `emit` with the rows of the mask from top to bottom without gaps: white on nuclei. A line of black pixels
    /// parts nuclei that touch, so that each is a component of the mask. `afterRows` receives the number of finished
    /// rows and may throw to cancel.
    package func forEachBand(
        afterRows: (Int) throws -> Void = { _ in }, _ emit: (MaskBand) throws -> Void
    ) throws {
        var (rows, gaps) = (NucleusRows(), BlockGaps(self))
        var painter = BandPainter(self)
        for blockRow in 0..<grid.rows {
            try forEachBlock(ofRow: blockRow) { block, content in
                gaps.add(content, core: grid.imageRegion(grid.core(of: block)))
                for nucleus in content.nuclei { rows.add(nucleus) }
            }
            let end = grid.firstImageRow(ofBlockRow: blockRow + 1)
            while painter.next < end {
                try painter.add(rows: 1, white: rows.take(row: painter.next), gaps: gaps, emit)
            }
            gaps.remove(above: end)
            try afterRows(end)
        }
        try painter.finish(emit)
    }

    /// Calls `emit` with each row of the image, from top to bottom, and the pixels of nuclei in it with their numbers,
    /// which are those of `forEachNucleus`. `afterRows` receives the number of finished rows and may throw to cancel.
    package func forEachRow(
        afterRows: (Int) throws -> Void = { _ in },
        _ emit: (_ row: Int, _ runs: [(pixels: Range<Int>, id: Int)]) throws -> Void
    ) throws {
        var (rows, id, next) = (RowQueue<(pixels: Range<Int>, id: Int)>(), 0, 0)
        for blockRow in 0..<grid.rows {
            try forEachBlock(ofRow: blockRow) { _, content in
                for nucleus in content.nuclei {
                    id += 1
                    for run in nucleus.runs { rows.add((run.pixels, id), row: run.row) }
                }
            }
            let end = grid.firstImageRow(ofBlockRow: blockRow + 1)
            for row in next..<end { try emit(row, rows.take(row: row)) }
            next = end
            try afterRows(end)
        }
    }

    /// Calls `body` with the blocks of a row.
    func forEachBlock(ofRow row: Int, _ body: (_ block: Int, NucleusBlock) throws -> Void) throws {
        for block in row * grid.columns..<(row + 1) * grid.columns { try body(block, store.block(block)) }
    }
}

/// Items of rows that are not complete yet.
private struct RowQueue<Item> {
    private var rows = [[Item]]()
    /// The row of the first element.
    private var first = 0

    /// Adds an item to a row that was not taken yet.
    mutating func add(_ item: Item, row: Int) {
        precondition(row >= first, "row \(row) is complete")
        while rows.count <= row - first { rows.append([]) }
        rows[row - first].append(item)
    }

    /// The items of a row. Rows of successive calls ascend.
    mutating func take(row: Int) -> [Item] {
        if row - first > 4096 || row - first >= rows.count {
            rows.removeFirst(min(row - first, rows.count))
            first = row
        }
        guard row - first < rows.count else { return [] }
        defer { rows[row - first] = [] }
        return rows[row - first]
    }
}

/// Runs of pixels of rows that are not complete yet.
struct RowRuns {
    private var rows = RowQueue<Range<Int>>()

    /// Adds pixels to a row that was not taken yet.
    mutating func add(_ pixels: Range<Int>, row: Int) { rows.add(pixels, row: row) }

    /// The pixels of a row, as ascending ranges that do not touch. Rows of successive calls ascend.
    mutating func take(row: Int) -> [Range<Int>] { rows.take(row: row).merged() }
}

/// The pixels of nuclei in rows that are not complete yet, with a line between nuclei that touch: without the pixels that
/// have another nucleus to the left or above, also at a corner.
struct NucleusRows {
    private var rows = RowQueue<(pixels: Range<Int>, nucleus: Int)>()
    /// The row that was taken last.
    private var above = [(pixels: Range<Int>, nucleus: Int)]()
    private var count = 0

    /// Adds a nucleus, whose rows were not taken yet.
    mutating func add(_ nucleus: Nucleus) {
        count += 1
        for run in nucleus.runs { rows.add((run.pixels, count), row: run.row) }
    }

    /// The pixels of a row, as ascending ranges that do not touch. Take each row once, from the first to the last.
    mutating func take(row: Int) -> [Range<Int>] {
        let runs = rows.take(row: row).sorted { $0.pixels.lowerBound < $1.pixels.lowerBound }
        defer { above = runs }
        var (parted, next) = ([Range<Int>](), 0)
        for (index, run) in runs.enumerated() {
            var start = run.pixels.lowerBound
            if index > 0, runs[index - 1].pixels.upperBound == start { start += 1 }
            while next < above.count, above[next].pixels.upperBound < start { next += 1 }
            var other = next
            while other < above.count, above[other].pixels.lowerBound <= run.pixels.upperBound {
                if above[other].nucleus != run.nucleus {
                    let touched = above[other].pixels
                    if start < touched.lowerBound - 1 { parted.append(start..<touched.lowerBound - 1) }
                    start = max(start, touched.upperBound + 1)
                }
                other += 1
            }
            if start < run.pixels.upperBound { parted.append(start..<run.pixels.upperBound) }
        }
        return parted
    }
}

/// The parts of blocks about which nothing is known.
struct BlockGaps {
    private let width: Int
    private var unreadable = [PixelRegion]()
    private var outside = [PixelRegion]()

    init(_ result: NucleiResult) { width = result.width }

    /// Adds the gaps of a block with this core, in pixels at full resolution.
    mutating func add(_ block: NucleusBlock, core: PixelRegion) {
        unreadable += block.unreadable
        if block.isOutside { outside.append(core) }
    }

    mutating func remove(above row: Int) {
        unreadable.removeAll { $0.bottom <= row }
        outside.removeAll { $0.bottom <= row }
    }

    /// The unreadable and the missing pixels of a row, as ascending ranges that do not touch.
    func columns(ofRow y: Int) -> (unreadable: [Range<Int>], outside: [Range<Int>]) {
        (columns(unreadable, y), columns(outside, y))
    }

    /// The end of the rows that have the same gaps as one.
    func end(ofRowsLike y: Int) -> Int {
        (unreadable + outside).flatMap { [$0.y, $0.bottom] }.filter { $0 > y }.min() ?? .max
    }

    private func columns(_ regions: [PixelRegion], _ y: Int) -> [Range<Int>] {
        regions.filter { y >= $0.y && y < $0.bottom }.map { ($0.x..<$0.right).clamped(to: 0..<width) }.merged()
    }
}

/// Makes bands of rows of white pixels, with what is known about the others. Equal rows become one band.
struct BandPainter {
    private let width: Int
    private let height: Int
    private var area: ProcessedRows
    private var processed = [Range<Int>]()
    /// The end of the rows with these processed pixels.
    private var end = 0
    private var band: MaskBand?
    /// The row to add next.
    private(set) var next = 0

    init(_ result: NucleiResult) {
        (width, height) = (result.width, result.height)
        area = ProcessedRows(result.tissue, width: width, height: height)
    }

    /// Adds the next rows, which have the same white pixels. `clips` leaves out those that are not processed or about which
    /// nothing is known.
    mutating func add(
        rows: Int, white: [Range<Int>], gaps: BlockGaps, clips: Bool = false, _ emit: (MaskBand) throws -> Void
    ) throws {
        for y in next..<min(next + rows, height) {
            if y >= end { (processed, end) = area.columns(ofRow: y) }
            let (unreadable, outside) = gaps.columns(ofRow: y)
            var white = white
            if clips {
                white = white.intersection(processed)
                if !unreadable.isEmpty || !outside.isEmpty {
                    white = white.intersection((unreadable + outside).merged().complement(width))
                }
            }
            let overhang = white.pixelCount - white.intersection(processed).pixelCount
            var blank = BlankPixels()
            blank.background = width - processed.pixelCount - overhang
            if !unreadable.isEmpty || !outside.isEmpty {
                let black = white.complement(width).intersection(processed)
                blank.unreadable = black.intersection(unreadable).pixelCount
                blank.outside = black.intersection(outside).pixelCount
            }
            let row = MaskBand(rows: y..<y + 1, white: white, blank: blank, overhang: overhang)
            if let last = band, last.white == white, last.blank == blank, last.overhang == overhang {
                let rows = last.rows.lowerBound..<y + 1
                band = MaskBand(rows: rows, white: white, blank: blank, overhang: overhang)
            } else {
                if let band { try emit(band) }
                band = row
            }
            next = y + 1
        }
    }

    /// Emits the last band.
    mutating func finish(_ emit: (MaskBand) throws -> Void) throws {
        if let band { try emit(band) }
        band = nil
    }
}
