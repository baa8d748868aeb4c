/// Where a network's values, and in training the gradients by them, lie: in pieces of memory that they take in turns.
///
/// Made by going through the passes once, without numbers: a value takes a free piece when it is computed, and lets go
/// of it after the last step that reads it. Layers that work in place take over the piece of an input that nobody else
/// needs.
struct MemoryPlan {
    /// One layer's step of the pass backward.
    struct BackwardStep {
        let node: Int
        /// Piece of the gradient by the layer's output.
        let gradient: Int
        /// For each input, the piece that its gradient is to be written to; nil where none is asked for.
        let contributions: [Int?]
        /// Gradients by values that several layers read: what readers further on have brought is added.
        let sums: [Sum]
    }

    struct Sum {
        let value: Int
        let into: Int
        let terms: (Int, Int)
    }

    /// Floats of each piece, for one sample. Piece 0 is the network's input.
    private(set) var sizes = [Int]()
    /// The piece of each value.
    private(set) var values = [Int]()
    /// Piece of the gradient by the output; nil at inference.
    private(set) var outputGradient: Int?
    private(set) var backward = [BackwardStep]()
    /// How many values and gradients are in each piece at the moment.
    private var holders = [Int]()

    init(_ plan: NetworkPlan, _ purpose: Workspace.Purpose) {
        let nodes = plan.graph.nodes
        let lastReads = Self.lastReads(plan, purpose)
        values = [take(plan.shapes[0].count)]
        for (index, node) in nodes.enumerated() {
            let (layer, first) = (node.layer, values[node.inputs[0]])
            let isFree = holders[first] == 1 && lastReads[node.inputs[0]] == index
            if (layer.worksInPlace && isFree) || (purpose == .inference && layer.isIdentityAtInference) {
                holders[first] += 1
                values.append(first)
            } else {
                values.append(take(plan.shapes[index + 1].count))
            }
            for value in lastReads.indices where lastReads[value] == index { holders[values[value]] -= 1 }
        }
        guard purpose == .training else { return }
        var gradients = [Int?](repeating: nil, count: values.count)
        outputGradient = take(plan.shapes[nodes.count].count)
        gradients[nodes.count] = outputGradient
        let isTrained = plan.isTrained
        for index in nodes.indices.reversed() where isTrained[index + 1] {
            planBackward(index, plan, isTrained, &gradients)
            let time = Self.time(ofBackward: index, plan)
            for value in lastReads.indices where lastReads[value] == time { holders[values[value]] -= 1 }
        }
    }

    private mutating func planBackward(
        _ index: Int, _ plan: NetworkPlan, _ isTrained: [Bool], _ gradients: inout [Int?]
    ) {
        let node = plan.graph.nodes[index]
        guard let gradient = gradients[index + 1] else { preconditionFailure("no gradient by a value that is read") }
        let wanted = node.inputs.indices.filter { isTrained[node.inputs[$0]] }
        var contributions = [Int?](repeating: nil, count: node.inputs.count)
        var pieces = [Int]()
        for position in wanted {
            if node.layer.hasEqualGradients, let piece = pieces.first {
                holders[piece] += 1
                pieces.append(piece)
                continue
            }
            let mayStay = position == 0 || node.layer.hasEqualGradients
            if node.layer.worksInPlace, mayStay, holders[gradient] == 1 {
                holders[gradient] += 1
                pieces.append(gradient)
            } else {
                pieces.append(take(plan.shapes[node.inputs[position]].count))
            }
            contributions[position] = pieces.last
        }
        // A product's factors last until the optimizer has used them.
        if !plan.keepsFactors(index) { holders[gradient] -= 1 }
        var sums = [Sum]()
        for (position, piece) in zip(wanted, pieces) {
            let value = node.inputs[position]
            guard let older = gradients[value] else {
                gradients[value] = piece
                continue
            }
            let into = holders[piece] == 1 ? piece : take(plan.shapes[value].count)
            if into != piece { holders[piece] -= 1 }
            holders[older] -= 1
            sums.append(Sum(value: value, into: into, terms: (older, piece)))
            gradients[value] = into
        }
        backward.append(
            BackwardStep(node: index, gradient: gradient, contributions: contributions, sums: sums))
    }

    /// The step that reads each value last. Layers run forward at times 0, 1, ... and backward after that, the last one
    /// first. The caller reads the output, and fills the input, at any time.
    private static func lastReads(_ plan: NetworkPlan, _ purpose: Workspace.Purpose) -> [Int] {
        let nodes = plan.graph.nodes
        let isTrained = plan.isTrained
        return plan.graph.readers.enumerated().map { value, readers in
            if value == 0 || value == nodes.count { return .max }
            if purpose == .training, readers.contains(where: plan.keepsFactors) { return .max }
            var times = readers
            if purpose == .training {
                let backward = readers.filter { isTrained[$0 + 1] && nodes[$0].layer.backwardReads.inputs }
                times += backward.map { time(ofBackward: $0, plan) }
                let producer = value - 1
                if isTrained[value], nodes[producer].layer.backwardReads.output {
                    times.append(time(ofBackward: producer, plan))
                }
            }
            return times.max()!
        }
    }

    private static func time(ofBackward node: Int, _ plan: NetworkPlan) -> Int {
        2 * plan.graph.nodes.count - 1 - node
    }

    /// A piece that nobody is in: the smallest that is large enough, else the largest, which grows, else a new one.
    private mutating func take(_ size: Int) -> Int {
        // The input's piece is never free.
        let free = sizes.indices.filter { holders[$0] == 0 }
        let fitting = free.filter { sizes[$0] >= size }.min { sizes[$0] < sizes[$1] }
        guard let piece = fitting ?? free.max(by: { sizes[$0] < sizes[$1] }) else {
            sizes.append(size)
            holders.append(1)
            return sizes.count - 1
        }
        sizes[piece] = max(sizes[piece], size)
        holders[piece] = 1
        return piece
    }
}
