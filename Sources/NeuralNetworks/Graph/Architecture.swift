import Tensors

/// The network architectures that a model file can name.
package enum Architecture: String, Codable, CaseIterable, Sendable {
    /// LeNet-5 (LeCun et al. 1998) for larger tiles: three 5x5 convolutions, two 2x2 mean poolings, ReLU, and two dense
    /// layers. 33.96 M parameters for tiles of 256 pixels.
    case lenet5
    /// A small residual network (He et al. 2016) with batch normalization: a 5x5 convolution and a pooling that reduce
    /// each side to a quarter, three blocks of two 3x3 convolutions, then mean and maximum of each feature.
    /// 0.17 M parameters for tiles of any size.
    case compact
    /// ResNet-18 (He et al. 2016) with the layers and the names of parameters of torchvision's `resnet18`. 11.2 M
    /// parameters for tiles of any size.
    case resnet18
    /// A small U-Net (Ronneberger et al. 2015) that classifies each pixel: an encoder of three levels and a decoder that
    /// adds the encoder's features. 0.23 M parameters for images of any even size.
    case unet
    /// As `unet`, with 1.5 times the features at the two finer levels; used as a teacher of `unet`. 0.28 M parameters.
    case unetWide = "unet-wide"

    /// Whether the output is a class for each pixel, from which nuclei are outlined. Otherwise it is a class for the tile.
    package var outlinesNuclei: Bool { self == .unet || self == .unetWide }

    /// Whether layers that take most of the time have kernels in 16-bit fixed point.
    package var hasFixedPoint: Bool { self != .resnet18 }

    /// The side of the tiles that networks are trained on, in pixels. A tile of a network that outlines nuclei covers at
    /// half a micron per pixel what one of 256 pixels covers at a quarter.
    package var tileSize: Int { outlinesNuclei ? 128 : 256 }

    /// The graph of the architecture. Layers and parameters have the names of the same network in PyTorch. `classes` is
    /// the number of classes of a tile; pixels have those of `PixelClass`.
    package func graph(classes: Int, dropout: Float) -> Graph {
        switch self {
        case .lenet5:
            Graph(chain: Self.lenet5Layers(widths: (6, 16, 120, 84), classes: classes, dropout: dropout))
        case .compact: Self.compactGraph(widths: [16, 24, 48, 96], classes: classes, dropout: dropout)
        case .resnet18: Self.resnet18Graph(widths: [64, 128, 256, 512], classes: classes, dropout: dropout)
        case .unet: Self.unetGraph(widths: [16, 32, 96], dropout: dropout)
        case .unetWide: Self.unetGraph(widths: [24, 48, 96], dropout: dropout)
        }
    }

    /// LeNet-5 with the given widths; tests use narrow ones.
    package static func lenet5Layers(
        widths: (Int, Int, Int, Int), classes: Int, dropout: Float
    ) -> [any Layer] {
        [
            ConvolutionLayer("conv1", filters: widths.0, kernel: 5, padding: 2, relu: true, pooling: .mean),
            ConvolutionLayer("conv2", filters: widths.1, kernel: 5, relu: true, pooling: .mean),
            ConvolutionLayer("conv3", filters: widths.2, kernel: 5, relu: true),
            LinearLayer("fc1", outputs: widths.3),
            ReLULayer("relu4"),
            DropoutLayer("dropout", probability: dropout, stream: 1),
            LinearLayer("fc2", outputs: classes),
        ]
    }

    /// The compact network with the given widths: the first convolution's, then each block's. Every block after the
    /// first halves the image. Names are those of torchvision's residual networks.
    package static func compactGraph(widths: [Int], classes: Int, dropout: Float) -> Graph {
        var graph = Graph()
        graph.append(ConvolutionLayer("conv1", filters: widths[0], kernel: 5, stride: 2, padding: 2, bias: false))
        graph.append(BatchNormLayer("bn1", relu: true))
        graph.append(PoolingLayer("maxpool", .maximum, window: 2, stride: 2))
        for block in 1..<widths.count {
            graph.appendBasicBlock(
                "layer\(block).0", filters: widths[block], stride: block == 1 ? 1 : 2,
                projects: block > 1 || widths[block] != widths[0])
        }
        graph.append(GlobalPoolingLayer("pool"))
        graph.append(DropoutLayer("dropout", probability: dropout, stream: 1))
        graph.append(LinearLayer("fc", outputs: classes))
        return graph
    }

    /// ResNet-18 with the given widths of its levels; tests use narrow ones. Every level after the first halves the image.
    package static func resnet18Graph(widths: [Int], classes: Int, dropout: Float) -> Graph {
        var graph = Graph()
        graph.append(ConvolutionLayer("conv1", filters: widths[0], kernel: 7, stride: 2, padding: 3, bias: false))
        graph.append(BatchNormLayer("bn1", relu: true))
        graph.append(PoolingLayer("maxpool", .maximum, window: 3, stride: 2, padding: 1))
        for (level, width) in widths.enumerated() {
            for block in 0..<2 {
                let isSmaller = level > 0 && block == 0
                graph.appendBasicBlock(
                    "layer\(level + 1).\(block)", filters: width, stride: isSmaller ? 2 : 1, projects: isSmaller)
            }
        }
        graph.append(GlobalPoolingLayer("avgpool", maximum: false))
        graph.append(DropoutLayer("dropout", probability: dropout, stream: 1))
        graph.append(LinearLayer("fc", outputs: classes))
        return graph
    }
}

extension Graph {
    /// Appends two 3x3 convolutions and a shortcut around them. The shortcut is the input itself or, when `projects`,
    /// a 1x1 convolution of it that has the shape of the convolutions' output.
    package mutating func appendBasicBlock(_ name: String, filters: Int, stride: Int, projects: Bool) {
        let input = output
        append(
            ConvolutionLayer("\(name).conv1", filters: filters, kernel: 3, stride: stride, padding: 1, bias: false))
        append(BatchNormLayer("\(name).bn1", relu: true))
        append(ConvolutionLayer("\(name).conv2", filters: filters, kernel: 3, padding: 1, bias: false))
        let convolved = append(BatchNormLayer("\(name).bn2"))
        var shortcut = input
        if projects {
            append(
                ConvolutionLayer("\(name).downsample.0", filters: filters, kernel: 1, stride: stride, bias: false),
                reading: [input])
            shortcut = append(BatchNormLayer("\(name).downsample.1"))
        }
        append(AddReLULayer("\(name).add"), reading: [convolved, shortcut])
    }
}
