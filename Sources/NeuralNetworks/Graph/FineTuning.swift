/// What training changes in a network that starts from trained weights, and how fast.
package struct FineTuning: Codable, Equatable, Sendable {
    /// The name that stands for all layers but the head, which is the last layer with parameters.
    package static let backbone = "backbone"

    /// Layers that training leaves unchanged, with their running statistics: names of layers, starts of names before a dot,
    /// or `backbone`.
    package var frozen = [String]()
    /// Factor on the learning rate of all layers but the head.
    package var backboneRateFactor: Float = 1
    /// Whether all batch normalization uses its running statistics in training and leaves them unchanged.
    package var freezesStatistics = false

    package init() {}
}

extension NetworkPlan {
    /// The name of the head: the last layer with parameters.
    package var headName: String { graph.nodes[head].layer.name }

    /// The names that freezing accepts, without those that are more detailed.
    package var freezableNames: [String] {
        var names = [String]()
        for (node, parameters) in zip(graph.nodes, parameterRanges) where !parameters.isEmpty {
            let start = String(node.layer.name.prefix { $0 != "." })
            if !names.contains(start) { names.append(start) }
        }
        return names + [FineTuning.backbone]
    }

    /// The nodes with parameters that a name stands for.
    package func nodes(named name: String) -> [Int] {
        graph.nodes.indices.filter { index in
            let layer = graph.nodes[index].layer.name
            let isNamed = name == FineTuning.backbone ? index != head : layer == name || layer.hasPrefix(name + ".")
            return isNamed && !parameterRanges[index].isEmpty
        }
    }

    /// The first of some names that stands for no layer; nil if all do.
    package func unknownName(in names: [String]) -> String? { names.first { nodes(named: $0).isEmpty } }

    /// Whether training changes any parameter.
    package var isTrainable: Bool { rateFactors.contains { $0 > 0 } }
}
