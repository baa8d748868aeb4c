import Tensors

/// The gradients with respect to a network's parameters, computed by a backward pass.
///
/// The gradient of a large dense layer's weights is as large as the weights (136 MB for LeNet-5), but it is the product of
/// two small tensors that exist anyway. Only these factors are kept; optimizers multiply them as they read the gradient.
package final class Gradients {
    /// The gradient with respect to weights [O][I] as gy[N][O], transposed, times x[N][I]. Both are tensors of the
    /// workspace, valid until its next pass.
    struct Product {
        let parameter: Int
        let gy: Tensor
        let x: Tensor
    }

    /// Consecutive parameters of the network's layout whose gradients are contiguous in memory, with the same factor on the
    /// learning rate.
    struct Segment {
        let parameters: Range<Int>
        let offset: Int
        let count: Int
        let rateFactor: Float
    }

    /// Gradients with respect to all other parameters that training changes, in the order of the network's layout.
    package let stored: ParameterSet
    private(set) var products = [Product]()
    let segments: [Segment]
    /// Factor on the learning rate of each parameter.
    let rateFactors: [Float]
    /// The gradient with respect to each parameter; nil where it is a product, and where training leaves the parameter
    /// unchanged.
    private let tensors: [Tensor?]
    private let productParameters: Set<Int>

    /// Gradients that are zero. With `storesAll`, no gradient is a product.
    package init(_ network: Network, storesAll: Bool = false) {
        let layout = network.parameters.layout
        let products = storesAll ? [] : network.plan.productParameters
        let rateFactors = network.plan.rateFactors
        let numbers = layout.names.indices.filter { !products.contains($0) && rateFactors[$0] > 0 }
        (self.rateFactors, productParameters) = (rateFactors, products)
        stored = ParameterSet(ParameterSet.Layout(numbers.map { (layout.names[$0], layout.shapes[$0]) }))
        var tensors = [Tensor?](repeating: nil, count: layout.names.count)
        for (number, tensor) in zip(numbers, stored.tensors) { tensors[number] = tensor }
        self.tensors = tensors
        var segments = [Segment]()
        for (place, number) in numbers.enumerated() {
            let offset = stored.layout.offsets[place]
            let end = place + 1 < numbers.count ? stored.layout.offsets[place + 1] : stored.layout.count
            let factor = rateFactors[number]
            if let last = segments.last, last.parameters.upperBound == number, last.rateFactor == factor {
                let parameters = last.parameters.lowerBound..<number + 1
                segments[segments.count - 1] = Segment(
                    parameters: parameters, offset: last.offset, count: end - last.offset, rateFactor: factor)
            } else {
                segments.append(
                    Segment(parameters: number..<number + 1, offset: offset, count: end - offset, rateFactor: factor))
            }
        }
        self.segments = segments
    }

    /// The gradients with respect to consecutive parameters; nil for products and for parameters that training leaves
    /// unchanged.
    func tensors(of parameters: Range<Int>) -> [Tensor?] { Array(tensors[parameters]) }

    /// The one of consecutive parameters whose gradient is a product.
    func product(of parameters: Range<Int>) -> Int? { parameters.first(where: productParameters.contains) }

    /// Drops the products of the previous pass.
    func startPass() { products = [] }

    func append(_ product: Product) { products.append(product) }

    /// The global L2 norm, summed in double precision. `scratch` grows as needed.
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
