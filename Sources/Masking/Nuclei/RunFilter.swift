/// Removes small components from a mask that arrives row by row as runs of pixels.
///
/// A row is emitted when the size of each of its components is decided. Until then a component has fewer than `smallest`
/// pixels, and therefore fewer rows: at most `smallest` rows are held back.
package struct RunFilter {
    /// Connected pixels of the rows added so far.
    private final class Component {
        var area = 0
        var lastRow = 0
        /// The component that this one was joined to.
        var parent: Component?

        var root: Component {
            var component = self
            while let parent = component.parent { component = parent }
            return component
        }
    }

    private struct Run {
        let pixels: Range<Int>
        let component: Component
    }

    private let smallest: Int
    /// Whether pixels that touch at a corner are connected.
    private let diagonal: Bool
    /// The size of the mask, if components at its edge stay whatever their area.
    private let edges: (width: Int, height: Int)?
    /// Rows held back, in order.
    private var waiting = [[Run]]()
    private var first = 0
    private var added = 0

    package init(smallest: Int, diagonal: Bool, keepingEdges edges: (width: Int, height: Int)? = nil) {
        self.smallest = smallest
        self.diagonal = diagonal
        self.edges = edges
    }

    /// Adds the next row; `emit` receives the rows that are decided, in order.
    package mutating func add(_ runs: [Range<Int>], emit: (_ row: Int, [Range<Int>]) throws -> Void) throws {
        let reach = diagonal ? 1 : 0
        let above = added > first ? waiting[added - first - 1] : lastRow
        var (row, upper) = ([Run](), 0)
        for pixels in runs {
            while upper < above.count, above[upper].pixels.upperBound + reach <= pixels.lowerBound { upper += 1 }
            var component: Component?
            var index = upper
            while index < above.count, above[index].pixels.lowerBound < pixels.upperBound + reach {
                let other = above[index].component.root
                if let known = component {
                    component = join(known, other)
                } else {
                    component = other
                }
                index += 1
            }
            let own = component ?? Component()
            own.area += pixels.count
            own.lastRow = added
            if let edges,
                pixels.lowerBound == 0 || pixels.upperBound == edges.width || added == 0 || added == edges.height - 1
            {
                own.area = max(own.area, smallest)
            }
            row.append(Run(pixels: pixels, component: own))
        }
        waiting.append(row)
        added += 1
        try decide(isOver: false, emit)
    }

    /// Emits the remaining rows after the last one.
    package mutating func finish(emit: (_ row: Int, [Range<Int>]) throws -> Void) throws {
        try decide(isOver: true, emit)
    }

    /// The last row that was emitted, if it is the last that was added.
    private var lastRow = [Run]()

    private func join(_ a: Component, _ b: Component) -> Component {
        if a === b { return a }
        a.area += b.area
        a.lastRow = max(a.lastRow, b.lastRow)
        b.parent = a
        return a
    }

    private mutating func decide(isOver: Bool, _ emit: (Int, [Range<Int>]) throws -> Void) throws {
        var done = 0
        while done < waiting.count {
            let roots = waiting[done].map(\.component.root)
            let isOpen = roots.contains { $0.area < smallest && $0.lastRow == added - 1 }
            if isOpen, !isOver { break }
            try emit(first, zip(waiting[done], roots).filter { $1.area >= smallest }.map(\.0.pixels))
            first += 1
            done += 1
        }
        if done == waiting.count, let last = waiting.last { lastRow = last }
        waiting.removeFirst(done)
    }
}
