import Tensors

extension Architecture {
    /// The U-Net with the given widths of its levels, the finest first. Its outputs are logits of `PixelClass`, as large
    /// as the input, whose sides are even.
    ///
    /// Every level of the encoder halves the image, also the first: at half size, features cost a quarter. A level of the
    /// decoder projects the coarser features to its own width, adds them to those of the encoder (as LinkNet; Chaurasia,
    /// Culurciello 2017) and convolves once. The head computes the four pixels under each place of the finest level.
    package static func unetGraph(widths: [Int], dropout: Float) -> Graph {
        var graph = Graph()
        var levels = [Graph.Value]()
        for (level, width) in widths.enumerated() {
            // The coarsest level has the largest receptive field, and its convolutions are cheap.
            let count = level == widths.count - 1 ? 3 : 2
            for index in 0..<count {
                graph.appendConvolution("encoder\(level).\(index)", filters: width, stride: index == 0 ? 2 : 1)
            }
            levels.append(graph.output)
        }
        graph.append(DropoutLayer("dropout", probability: dropout, stream: 1))
        for level in widths.indices.dropLast().reversed() {
            let name = "decoder\(level)"
            let coarse = graph.append(ConvolutionLayer("\(name).project", filters: widths[level], kernel: 1))
            graph.append(UpsampleAddLayer("\(name).add"), reading: [levels[level], coarse])
            graph.appendConvolution("\(name).0", filters: widths[level])
        }
        graph.append(ConvolutionLayer("head", filters: 4 * PixelClass.allCases.count, kernel: 1))
        graph.append(PixelShuffleLayer("pixels"))
        return graph
    }
}

extension Graph {
    /// Appends a 3x3 convolution, batch normalization and ReLU.
    fileprivate mutating func appendConvolution(_ name: String, filters: Int, stride: Int = 1) {
        append(ConvolutionLayer("\(name).conv", filters: filters, kernel: 3, stride: stride, padding: 1, bias: false))
        append(BatchNormLayer("\(name).bn", relu: true))
    }
}
