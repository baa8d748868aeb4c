import Tensors

extension Network {
    /// The same network for inference, with what follows a convolution, and alone reads what it is made of, worked into
    /// it: max(y, 0), 2 x 2 poolings and additions, and batch normalisations by their running statistics:
    /// convolution(x) * factor + shift, with factor = weight / sqrt(variance + epsilon) and shift = bias - mean * factor.
    /// Tensors that stay as they are, are this network's. Returns this network itself when there is nothing to fold.
    package func folded() throws -> Network {
        let nodes = plan.graph.nodes
        let folds = plan.graph.folds
        if folds.isEmpty { return self }
        var graph = Graph()
        /// The value in the new graph for each of this one's.
        var values: [Int?] = [0]
        let ends = Dictionary(uniqueKeysWithValues: folds.map { ($0.last, $0) })
        let absorbed = Set(folds.flatMap { [$0.convolution] + $0.absorbed })
        for (index, node) in nodes.enumerated() {
            if let fold = ends[index] {
                let inputs = nodes[fold.convolution].inputs + (fold.addend.map { [$0] } ?? [])
                values.append(graph.append(fold.layer, reading: inputs.map { values[$0]! }))
            } else if absorbed.contains(index) {
                values.append(nil)
            } else {
                values.append(graph.append(node.layer, reading: node.inputs.map { values[$0]! }))
            }
        }
        var changed = [String: Tensor]()
        for fold in folds {
            guard let norm = fold.norm else { continue }
            let (weight, bias) = self.fold(nodes[norm].layer.name, into: fold.layer.name)
            changed["\(fold.layer.name).weight"] = weight
            changed["\(fold.layer.name).bias"] = bias
        }
        let plan = try NetworkPlan(graph, inputShape: inputShape)
        return Network(plan, sharing: plan.stateLayout.names.map { changed[$0] ?? state[$0]! })
    }

    /// Weights and biases of a convolution with a batch normalisation in them.
    private func fold(_ norm: String, into convolution: String) -> (weight: Tensor, bias: Tensor) {
        func values(_ name: String) -> [Double]? { state[name].map { $0.values.map(Double.init) } }
        guard let original = state["\(convolution).weight"],
            let scale = values("\(norm).weight"), let shift = values("\(norm).bias"),
            let mean = values("\(norm).running_mean"), let variance = values("\(norm).running_var")
        else { preconditionFailure("\(norm) has nothing to be folded into") }
        let old = values("\(convolution).bias")
        let (weight, bias) = (Tensor(original.shape), Tensor([scale.count]))
        let each = weight.count / bias.count
        for filter in 0..<bias.count {
            let factor = scale[filter] / (variance[filter] + Double(BatchNormLayer.epsilon)).squareRoot()
            for index in filter * each..<(filter + 1) * each { weight[index] = Float(Double(original[index]) * factor) }
            bias[filter] = Float(shift[filter] + ((old?[filter] ?? 0) - mean[filter]) * factor)
        }
        return (weight, bias)
    }
}

/// A convolution with the nodes behind it that become part of it.
private struct Fold {
    let convolution: Int
    /// What it becomes.
    var layer: ConvolutionLayer
    var absorbed = [Int]()
    /// The batch normalisation among them.
    var norm: Int?
    /// The value that is added.
    var addend: Int?
    var last: Int { absorbed.last ?? convolution }

    /// Takes in the layer that alone reads the output so far; false when that is not to be had. The order of what a
    /// convolution does is: normalise, add, max(y, 0), pool.
    mutating func absorb(_ index: Int, _ node: Graph.Node) -> Bool {
        let isOpen = layer.pooling == .none && !layer.relu
        switch node.layer {
        case let norm as BatchNormLayer where isOpen && self.norm == nil && addend == nil:
            self.norm = index
            layer.hasBias = true
            layer.relu = norm.relu
        case is ReLULayer where isOpen: layer.relu = true
        case is AddReLULayer where isOpen && addend == nil && Set(node.inputs).count == 2:
            addend = node.inputs.first { $0 != last + 1 }
            layer.relu = true
        case let pool as PoolingLayer
        where pool.window == 2 && pool.stride == 2 && layer.pooling == .none && addend == nil:
            layer.pooling = pool.kind == .average ? .mean : .maximum
        default: return false
        }
        absorbed.append(index)
        return true
    }
}

extension Graph {
    fileprivate var folds: [Fold] {
        let readers = readers
        var taken = Set<Int>()
        var folds = [Fold]()
        for (index, node) in nodes.enumerated() {
            guard let convolution = node.layer as? ConvolutionLayer, node.inputs.count == 1 else { continue }
            var fold = Fold(convolution: index, layer: convolution)
            while readers[fold.last + 1].count == 1, let reader = readers[fold.last + 1].first,
                !taken.contains(reader), fold.absorb(reader, nodes[reader])
            {
                taken.insert(reader)
            }
            if !fold.absorbed.isEmpty { folds.append(fold) }
        }
        return folds
    }
}
