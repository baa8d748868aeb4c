import Tensors

extension Network {
    /// An equivalent network for inference, in which convolutions include the layers that follow them: batch
    /// normalization by running statistics, addition of a residual, ReLU and 2x2 pooling.
    ///
    /// A layer is folded only if it is the only reader of the value before it. Batch normalization becomes
    /// convolution(x) * factor + shift, where factor = weight / sqrt(variance + epsilon) and
    /// shift = bias - mean * factor. Unchanged tensors are shared with this network. Returns this network itself if
    /// nothing can be folded.
    package func folded() throws -> Network {
        let nodes = plan.graph.nodes
        let folds = plan.graph.folds
        if folds.isEmpty { return self }
        var graph = Graph()
        // The folded graph's value for each value of this one; nil for values that no longer exist.
        var values = Graph.PerValue<Graph.Value?>([.input])
        let foldsByLastNode = Dictionary(uniqueKeysWithValues: folds.map { ($0.last, $0) })
        let absorbed = Set(folds.flatMap { [$0.convolution] + $0.absorbed })
        for (index, node) in nodes.enumerated() {
            if let fold = foldsByLastNode[index] {
                let inputs = nodes[fold.convolution].inputs + (fold.residual.map { [$0] } ?? [])
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

    /// This network without its last layer, a pixel shuffle.
    func withoutPixelShuffle() throws -> Network {
        let nodes = plan.graph.nodes
        precondition(nodes.last?.layer is PixelShuffleLayer)
        let plan = try NetworkPlan(plan.graph.part(0..<nodes.count - 1), inputShape: inputShape)
        return Network(plan, sharing: state.tensors)
    }

    /// Weights and biases of a convolution that include a batch normalization.
    private func fold(_ norm: String, into convolution: String) -> (weight: Tensor, bias: Tensor) {
        func values(_ name: String) -> [Double]? { state[name].map { $0.values.map(Double.init) } }
        guard let original = state["\(convolution).weight"],
            let scale = values("\(norm).weight"), let shift = values("\(norm).bias"),
            let mean = values("\(norm).running_mean"), let variance = values("\(norm).running_var")
        else { preconditionFailure("\(norm) has no convolution to be folded into") }
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

/// A convolution and the nodes after it that become part of it.
private struct Fold {
    let convolution: Int
    /// The convolution with everything folded into it so far.
    var layer: ConvolutionLayer
    var absorbed = [Int]()
    /// The absorbed batch normalization.
    var norm: Int?
    /// The value that the convolution adds to its sums.
    var residual: Graph.Value?
    var last: Int { absorbed.last ?? convolution }
    var output: Graph.Value { .output(of: last) }

    /// Absorbs the only reader of the output so far, or returns false if that is not possible. A convolution applies
    /// its epilogue in this order: normalization, residual, ReLU, pooling.
    mutating func absorb(_ index: Int, _ node: Graph.Node) -> Bool {
        let isOpen = layer.pooling == .none && !layer.relu
        switch node.layer {
        case let norm as BatchNormLayer where isOpen && self.norm == nil && residual == nil:
            self.norm = index
            layer.hasBias = true
            layer.relu = norm.relu
        case is ReLULayer where isOpen: layer.relu = true
        case is AddReLULayer where isOpen && residual == nil && Set(node.inputs).count == 2:
            residual = node.inputs.first { $0 != output }
            layer.relu = true
        case let pool as PoolingLayer
        where pool.window == 2 && pool.stride == 2 && pool.padding == 0 && layer.pooling == .none && residual == nil:
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
            while readers[fold.output].count == 1, let reader = readers[fold.output].first,
                !taken.contains(reader), fold.absorb(reader, nodes[reader])
            {
                taken.insert(reader)
            }
            if !fold.absorbed.isEmpty { folds.append(fold) }
        }
        return folds
    }
}
