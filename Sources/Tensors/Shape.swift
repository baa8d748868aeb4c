/// The lengths of a tensor's dimensions, slowest first.
package struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    package let dimensions: [Int]

    package init(_ dimensions: [Int]) {
        precondition(dimensions.allSatisfy { $0 >= 0 }, "negative dimension in \(dimensions)")
        self.dimensions = dimensions
    }

    package init(arrayLiteral elements: Int...) {
        self.init(elements)
    }

    /// How many elements a tensor of this shape has; 1 for a scalar.
    package var count: Int { dimensions.reduce(1, *) }

    package subscript(index: Int) -> Int { dimensions[index] }

    /// The same shape with another dimension in front, as a batch of such things has.
    package func batched(_ batch: Int) -> Shape { Shape([batch] + dimensions) }

    /// The shape without its first dimension.
    package var sample: Shape { Shape(Array(dimensions.dropFirst())) }

    package var description: String { dimensions.map(String.init).joined(separator: "x") }
}
