import Tensors

extension Architecture {
    /// The U-Net with the given widths of its levels, the finest first. Its outputs are logits of `PixelClass`, as large
    /// as the input.
    ///
    /// Every level of the encoder after the first halves the image. A level of the decoder projects the coarser features
    /// to its own width, adds them to those of the encoder (as LinkNet; Chaurasia, Culurciello 2017) and convolves once.
    package static func unetGraph(widths: [Int], dropout: Float) -> Graph {
        var graph = Graph()
        var levels = [Graph.Value]()
        for (level, width) in widths.enumerated() {
            graph.appendConvolution("encoder\(level).0", filters: width, stride: level == 0 ? 1 : 2)
            levels.append(graph.appendConvolution("encoder\(level).1", filters: width))
        }
        graph.append(DropoutLayer("dropout", probability: dropout, stream: 1))
        for level in widths.indices.dropLast().reversed() {
            let name = "decoder\(level)"
            let coarse = graph.append(ConvolutionLayer("\(name).project", filters: widths[level], kernel: 1))
            graph.append(UpsampleAddLayer("\(name).add"), reading: [levels[level], coarse])
            graph.appendConvolution("\(name).0", filters: widths[level])
        }
        graph.append(ConvolutionLayer("head", filters: PixelClass.allCases.count, kernel: 1))
        return graph
    }
}

extension Graph {
    /// Appends a 3x3 convolution, batch normalization and ReLU.
    @discardableResult
    fileprivate mutating func appendConvolution(_ name: String, filters: Int, stride: Int = 1) -> Value {
        append(ConvolutionLayer("\(name).conv", filters: filters, kernel: 3, stride: stride, padding: 1, bias: false))
        return append(BatchNormLayer("\(name).bn", relu: true))
    }
}
