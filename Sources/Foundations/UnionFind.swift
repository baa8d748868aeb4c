/// Disjoint sets of the integers 0 ..< count, each named by one of its elements, its root.
package struct UnionFind: Sendable {
    private var parents: [Int]

    /// Sets of one element each.
    package init(count: Int) { parents = Array(0..<count) }

    package var count: Int { parents.count }

    /// Adds an element, in a set of its own; returns it.
    package mutating func append() -> Int {
        parents.append(parents.count)
        return parents.count - 1
    }

    /// The root of the set that an element belongs to.
    package func root(of element: Int) -> Int {
        var element = element
        while parents[element] != element { element = parents[element] }
        return element
    }

    /// Joins the set of `root` to the set of `other`, whose root becomes that of both. Both are roots.
    package mutating func attach(_ root: Int, to other: Int) {
        precondition(parents[root] == root && parents[other] == other)
        parents[root] = other
    }

    /// Joins the sets of two elements; returns the root of both, which is the smaller of the two roots. Shortens the paths
    /// to it, so that many joins stay fast.
    @discardableResult package mutating func join(_ a: Int, _ b: Int) -> Int {
        let (first, second) = (shortenedRoot(of: a), shortenedRoot(of: b))
        if first != second { attach(max(first, second), to: min(first, second)) }
        return min(first, second)
    }

    private mutating func shortenedRoot(of element: Int) -> Int {
        var element = element
        while parents[element] != element {
            parents[element] = parents[parents[element]]
            element = parents[element]
        }
        return element
    }

    /// Makes an element a set of its own again. No other element may belong to it.
    package mutating func reset(_ element: Int) { parents[element] = element }
}
