import Tensors

extension ConvolutionLayer {
    package func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String {
        let window = slidingWindows[0]
        var y = graph.add(
            "Conv", [x[0]] + state, as: name,
            [
                ("kernel_shape", .ints([kernel, kernel])), ("strides", .ints([stride, stride])),
                ("pads", .ints([Int](repeating: window.padding, count: 4))),
            ])
        if x.count > 1 { y = graph.add("Add", [y, x[1]], as: "\(name).sum") }
        if relu { y = graph.add("Relu", [y], as: "\(name).relu") }
        let operation: String
        switch pooling {
        case .none: return y
        case .mean: operation = "AveragePool"
        case .maximum: operation = "MaxPool"
        }
        return graph.add(
            operation, [y], as: "\(name).pool", [("kernel_shape", .ints([2, 2])), ("strides", .ints([2, 2]))])
    }
}

extension LinearLayer {
    package func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String {
        let isFlat = inputs[0].dimensions.count == 1
        let flat = isFlat ? x[0] : graph.add("Flatten", x, as: "\(name).flat", [("axis", .int(1))])
        return graph.add("Gemm", [flat] + state, as: name, [("transB", .int(1))])
    }
}

extension BatchNormLayer {
    package func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String {
        let y = graph.add("BatchNormalization", x + state, as: name, [("epsilon", .float(Self.epsilon))])
        return relu ? graph.add("Relu", [y], as: "\(name).relu") : y
    }
}

extension PoolingLayer {
    package func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String {
        graph.add(
            kind == .average ? "AveragePool" : "MaxPool", x, as: name,
            [
                ("kernel_shape", .ints([window, window])), ("strides", .ints([stride, stride])),
                ("pads", .ints([Int](repeating: padding, count: 4))),
            ])
    }
}

extension GlobalPoolingLayer {
    package func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String {
        let mean = graph.add("GlobalAveragePool", x, as: "\(name).mean")
        guard maximum else { return graph.add("Flatten", [mean], as: name, [("axis", .int(1))]) }
        let maximum = graph.add("GlobalMaxPool", x, as: "\(name).maximum")
        let both = graph.add("Concat", [mean, maximum], as: "\(name).both", [("axis", .int(1))])
        return graph.add("Flatten", [both], as: name, [("axis", .int(1))])
    }
}

extension ReLULayer {
    package func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String {
        graph.add("Relu", x, as: name)
    }
}

extension AddReLULayer {
    package func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String {
        graph.add("Relu", [graph.add("Add", x, as: "\(name).sum")], as: name)
    }
}

extension DropoutLayer {
    /// Inference drops nothing.
    package func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String {
        x[0]
    }
}

extension UpsampleAddLayer {
    /// For a finer image of even size.
    package func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String {
        let scales = graph.constant("upsampling.scales", [1, 1, 2, 2], [4])
        let coarse = graph.add(
            "Resize", [x[1], "", scales], as: "\(name).larger",
            [
                ("mode", .string("nearest")), ("coordinate_transformation_mode", .string("asymmetric")),
                ("nearest_mode", .string("floor")),
            ])
        return graph.add("Add", [x[0], coarse], as: name)
    }
}

extension PixelShuffleLayer {
    package func addOperations(to graph: inout ONNXGraph, _ x: [String], state: [String], inputs: [Shape]) -> String {
        graph.add("DepthToSpace", x, as: name, [("blocksize", .int(2)), ("mode", .string("CRD"))])
    }
}
