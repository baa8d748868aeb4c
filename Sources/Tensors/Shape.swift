/// Dimensions of a tensor, outermost first.
package struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    package let dimensions: [Int]

    package init(_ dimensions: [Int]) {
        precondition(dimensions.allSatisfy { $0 >= 0 }, "negative dimension in \(dimensions)")
        self.dimensions = dimensions
    }

    package init(arrayLiteral elements: Int...) {
        self.init(elements)
    }

    /// Number of elements; 1 for a scalar.
    package var count: Int { dimensions.reduce(1, *) }

    package subscript(index: Int) -> Int { dimensions[index] }

    /// Shape of a batch of tensors of this shape.
    package func batched(_ batch: Int) -> Shape { Shape([batch] + dimensions) }

    /// Shape without the first dimension.
    package var sample: Shape { Shape(Array(dimensions.dropFirst())) }

    package var description: String { dimensions.map(String.init).joined(separator: "x") }
}
