/// Assignment of a network's values, and of their gradients if it is trained, to pieces of memory that they share.
///
/// The plan is made by simulating the passes once. A value takes a free piece when it is computed and releases it after
/// the last operation that reads it. A layer that works in place takes over the piece of its input if nothing else reads
/// that input later.
struct MemoryPlan {
    /// A piece of memory.
    struct Piece: Hashable {
        fileprivate let index: Int

        /// The piece of the network's input, which holds nothing else.
        static let input = Piece(index: 0)
    }

    /// The backward pass through one layer.
    struct BackwardStep {
        let node: Int
        /// Gradient with respect to the layer's output.
        let gradient: Piece
        /// Where to write the gradient with respect to each input; nil where none is needed.
        let contributions: [Piece?]
        /// Additions that complete the gradients of values with several readers.
        let sums: [Sum]
    }

    /// The sum of the contributions of two readers to the gradient with respect to a value.
    struct Sum {
        let value: Graph.Value
        let into: Piece
        let terms: (Piece, Piece)
    }

    /// Floats of each piece for one sample.
    private var sizes = [Int]()
    /// How many values and gradients each piece holds at the current point of the simulation.
    private var holders = [Int]()
    /// The piece of each value.
    private(set) var values: Graph.PerValue<Piece>
    /// The piece of the gradient with respect to the output; nil without a backward pass.
    private(set) var outputGradient: Piece?
    private(set) var backward = [BackwardStep]()

    var pieces: [Piece] { sizes.indices.map(Piece.init) }
    func size(of piece: Piece) -> Int { sizes[piece.index] }

    init(_ network: NetworkPlan, supportsBackward: Bool) {
        let schedule = Schedule(network, supportsBackward: supportsBackward)
        values = Graph.PerValue([])
        values.append(take(network.shapes[.input].count))
        for (index, node) in network.graph.nodes.enumerated() {
            let (traits, first) = (schedule.traits[index], node.inputs[0])
            let isFree = holders[values[first].index] == 1 && schedule.lastReads[first] == index
            if (traits.worksInPlace && isFree) || (!supportsBackward && traits.isIdentityAtInference) {
                hold(values[first])
                values.append(values[first])
            } else {
                values.append(take(network.shapes[.output(of: index)].count))
            }
            releaseValues(lastReadAt: index, schedule)
        }
        guard supportsBackward else { return }
        let output = network.graph.output
        var gradients = Graph.PerValue<Piece?>(repeating: nil, through: output)
        outputGradient = take(network.shapes[output].count)
        gradients[output] = outputGradient
        for index in network.graph.nodes.indices.reversed() where schedule.isTrained[.output(of: index)] {
            planBackward(index, network, schedule, &gradients)
            releaseValues(lastReadAt: schedule.backwardTime(of: index), schedule)
        }
    }

    private mutating func planBackward(
        _ index: Int, _ network: NetworkPlan, _ schedule: Schedule, _ gradients: inout Graph.PerValue<Piece?>
    ) {
        let (node, traits) = (network.graph.nodes[index], schedule.traits[index])
        guard let gradient = gradients[.output(of: index)] else {
            preconditionFailure("no gradient with respect to a value that is read")
        }
        let wanted = node.inputs.indices.filter { schedule.isTrained[node.inputs[$0]] }
        var contributions = [Piece?](repeating: nil, count: node.inputs.count)
        var pieces = [Piece]()
        for position in wanted {
            if traits.hasEqualInputGradients, let piece = pieces.first {
                hold(piece)
                pieces.append(piece)
                continue
            }
            let mayOverwrite = position == 0 || traits.hasEqualInputGradients
            if traits.worksInPlace, mayOverwrite, holders[gradient.index] == 1 {
                hold(gradient)
                pieces.append(gradient)
            } else {
                pieces.append(take(network.shapes[node.inputs[position]].count))
            }
            contributions[position] = pieces.last
        }
        // The optimizer still reads the factors of a product.
        if traits.productParameter == nil { release(gradient) }
        var sums = [Sum]()
        for (position, piece) in zip(wanted, pieces) {
            let value = node.inputs[position]
            guard let older = gradients[value] else {
                gradients[value] = piece
                continue
            }
            let into = holders[piece.index] == 1 ? piece : take(network.shapes[value].count)
            if into != piece { release(piece) }
            release(older)
            sums.append(Sum(value: value, into: into, terms: (older, piece)))
            gradients[value] = into
        }
        backward.append(
            BackwardStep(node: index, gradient: gradient, contributions: contributions, sums: sums))
    }

    private mutating func releaseValues(lastReadAt time: Int, _ schedule: Schedule) {
        for (value, lastRead) in zip(schedule.lastReads.indices, schedule.lastReads) where lastRead == time {
            release(values[value])
        }
    }

    private mutating func hold(_ piece: Piece) { holders[piece.index] += 1 }
    private mutating func release(_ piece: Piece) { holders[piece.index] -= 1 }

    /// Returns a free piece: the smallest that is large enough, otherwise the largest, which grows, otherwise a new one.
    private mutating func take(_ size: Int) -> Piece {
        let free = sizes.indices.filter { holders[$0] == 0 }
        let fitting = free.filter { sizes[$0] >= size }.min { sizes[$0] < sizes[$1] }
        guard let index = fitting ?? free.max(by: { sizes[$0] < sizes[$1] }) else {
            sizes.append(size)
            holders.append(1)
            return Piece(index: sizes.count - 1)
        }
        sizes[index] = max(sizes[index], size)
        holders[index] = 1
        return Piece(index: index)
    }
}

/// When each value is read for the last time. Layers run forward at times 0, 1, ... and then backward in reverse order.
private struct Schedule {
    let traits: [MemoryTraits]
    let isTrained: Graph.PerValue<Bool>
    /// The input and the output are never released: the caller fills and reads them at any time.
    private(set) var lastReads: Graph.PerValue<Int>

    init(_ network: NetworkPlan, supportsBackward: Bool) {
        traits = network.graph.nodes.indices.map { network.memoryTraits(of: $0) }
        isTrained = network.isTrained
        lastReads = Graph.PerValue(repeating: .max, through: network.graph.output)
        let readers = network.graph.readers
        for value in readers.indices.dropFirst().dropLast() {
            var times = readers[value]
            if supportsBackward {
                if times.contains(where: { traits[$0].productParameter != nil }) { continue }
                let backward = times.filter {
                    isTrained[.output(of: $0)] && traits[$0].backwardReads.contains(.inputs)
                }
                times += backward.map(backwardTime)
                if isTrained[value], let producer = value.producer, traits[producer].backwardReads.contains(.output) {
                    times.append(backwardTime(of: producer))
                }
            }
            lastReads[value] = times.max()!
        }
    }

    func backwardTime(of node: Int) -> Int { 2 * traits.count - 1 - node }
}
