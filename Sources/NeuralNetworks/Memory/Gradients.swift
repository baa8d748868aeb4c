import Tensors

/// The gradients by a network's parameters that a pass backward leaves behind.
///
/// That by the weights of a large dense layer is as large as the weights (136 MB for LeNet-5), while the two factors
/// whose product it is are the activations that are there anyway. It stays a product: optimizers multiply it out as
/// they use it.
package final class Gradients {
    /// The gradient by weights [O][I] as gy[N][O], transposed, times x[N][I]. Both are the workspace's, and last until
    /// its next pass.
    struct Product {
        let parameter: Int
        let gy: Tensor
        let x: Tensor
    }

    /// Parameters, by their numbers in the network's layout, whose gradients follow each other in memory.
    struct Run {
        let parameters: Range<Int>
        let offset: Int
        let count: Int
    }

    /// Gradients by all other parameters, in the order of the network's layout.
    package let stored: ParameterSet
    private(set) var products = [Product]()
    let runs: [Run]
    /// For each parameter its gradient; nil where it is a product.
    private let tensors: [Tensor?]

    /// Zeros. With `storesAll`, no gradient is a product.
    package init(_ network: Network, storesAll: Bool = false) {
        let layout = network.parameters.layout
        let left = storesAll ? [] : network.plan.productParameters
        let numbers = layout.names.indices.filter { !left.contains($0) }
        stored = ParameterSet(ParameterSet.Layout(numbers.map { (layout.names[$0], layout.shapes[$0]) }))
        var tensors = [Tensor?](repeating: nil, count: layout.names.count)
        for (number, tensor) in zip(numbers, stored.tensors) { tensors[number] = tensor }
        self.tensors = tensors
        var runs = [Run]()
        for (place, number) in numbers.enumerated() {
            let offset = stored.layout.offsets[place]
            let end = place + 1 < numbers.count ? stored.layout.offsets[place + 1] : stored.layout.count
            if let last = runs.last, last.parameters.upperBound == number {
                let parameters = last.parameters.lowerBound..<number + 1
                runs[runs.count - 1] = Run(parameters: parameters, offset: last.offset, count: end - last.offset)
            } else {
                runs.append(Run(parameters: number..<number + 1, offset: offset, count: end - offset))
            }
        }
        self.runs = runs
    }

    /// Where the gradients by a layer's parameters go.
    func tensors(of parameters: Range<Int>) -> [Tensor?] { Array(tensors[parameters]) }

    /// Forgets the products of the pass before.
    func startPass() { products = [] }

    func append(_ product: Product) { products.append(product) }

    /// The global norm, in double.
    package func norm(scratch: inout Tensor) throws(KernelError) -> Double {
        var sum = try Kernels.squaredNorm(stored.all)
        for product in products {
            let (batch, inputs) = (product.x.shape[0], product.x.shape.sample.count)
            let needed = Kernels.linearScratchCount(batch: batch, inputs: inputs, outputs: batch)
            if scratch.count < needed { scratch = Tensor([needed]) }
            sum += try Kernels.linearSquaredNorm(gy: product.gy, product.x, scratch: scratch)
        }
        return sum.squareRoot()
    }
}

extension NetworkPlan {
    /// Parameters whose gradients need not be stored.
    var productParameters: Set<Int> {
        Set(
            graph.nodes.indices.compactMap { node in
                graph.nodes[node].layer.productParameter(for: inputShapes(of: node)).map {
                    parameterRanges[node].lowerBound + $0
                }
            })
    }

    /// Whether a gradient of the node may stay a product of its input and the gradient by its output.
    func keepsFactors(_ node: Int) -> Bool {
        graph.nodes[node].layer.productParameter(for: inputShapes(of: node)) != nil
    }
}
