extension Graph {
    /// The network's input, or the output of one node. Values are ordered as they are computed, the input first.
    package struct Value: Hashable, Comparable, Sendable {
        /// The number of layers that have run when the value exists.
        let precedingLayers: Int

        /// The network's input.
        package static let input = Value(precedingLayers: 0)

        package static func output(of node: Int) -> Value { Value(precedingLayers: node + 1) }

        /// The newest value after the first layers have run.
        static func after(layers: Int) -> Value { Value(precedingLayers: layers) }

        /// The node that computes the value; nil for the network's input.
        package var producer: Int? { precedingLayers == 0 ? nil : precedingLayers - 1 }

        package static func < (left: Value, right: Value) -> Bool { left.precedingLayers < right.precedingLayers }
    }

    /// One element for each value of a graph, or for each value of its first layers.
    package struct PerValue<Element> {
        private var elements: [Element]

        /// Elements in the order of the values, the input's first.
        init(_ elements: [Element]) { self.elements = elements }

        init(repeating element: Element, through last: Value) {
            elements = Array(repeating: element, count: last.precedingLayers + 1)
        }

        mutating func append(_ element: Element) { elements.append(element) }
    }
}

extension Graph.PerValue: RandomAccessCollection, MutableCollection {
    package var startIndex: Graph.Value { .input }
    package var endIndex: Graph.Value { .after(layers: elements.count) }
    package func index(after value: Graph.Value) -> Graph.Value { index(value, offsetBy: 1) }
    package func index(before value: Graph.Value) -> Graph.Value { index(value, offsetBy: -1) }
    package func index(_ value: Graph.Value, offsetBy distance: Int) -> Graph.Value {
        .after(layers: value.precedingLayers + distance)
    }
    package func distance(from start: Graph.Value, to end: Graph.Value) -> Int {
        end.precedingLayers - start.precedingLayers
    }

    package subscript(value: Graph.Value) -> Element {
        get { elements[value.precedingLayers] }
        set { elements[value.precedingLayers] = newValue }
    }
}

extension Graph.PerValue: Sendable where Element: Sendable {}
extension Graph.PerValue: Equatable where Element: Equatable {}
