import Tensors

/// The networks that a model file can name.
package enum Architecture: String, Codable, CaseIterable, Sendable {
    /// LeNet-5 (LeCun et al. 1998), grown to larger tiles: three 5x5 convolutions, two 2x2 mean poolings, ReLU, and
    /// two dense layers. 33.96 M parameters for tiles of 256 pixels.
    case lenet5

    /// The layers' names and parameters are those of the same network in PyTorch.
    package func layers(classes: Int, dropout: Float) -> [any Layer] {
        switch self {
        case .lenet5: Self.lenet5Layers(widths: (6, 16, 120, 84), classes: classes, dropout: dropout)
        }
    }

    /// LeNet-5 of any width; narrow ones are for tests.
    package static func lenet5Layers(
        widths: (Int, Int, Int, Int), classes: Int, dropout: Float
    ) -> [any Layer] {
        [
            ConvolutionLayer("conv1", filters: widths.0, kernel: 5, padding: 2),
            ReLULayer("relu1"),
            PoolingLayer("pool1", .average, window: 2, stride: 2),
            ConvolutionLayer("conv2", filters: widths.1, kernel: 5),
            ReLULayer("relu2"),
            PoolingLayer("pool2", .average, window: 2, stride: 2),
            ConvolutionLayer("conv3", filters: widths.2, kernel: 5),
            ReLULayer("relu3"),
            LinearLayer("fc1", outputs: widths.3),
            ReLULayer("relu4"),
            DropoutLayer("dropout", probability: dropout, stream: 1),
            LinearLayer("fc2", outputs: classes),
        ]
    }
}
