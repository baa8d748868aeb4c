import Tensors

/// A kernel, or a few in sequence, at the shape of one layer.
package struct Operation {
    package enum Kind: String, Codable, CaseIterable, Sendable {
        /// Convolution at inference, with its epilogue.
        case convolution
        /// Convolution at inference in 16-bit fixed point.
        case convolutionFixedPoint = "convolution-int16"
        /// Convolution in training, with the outputs that the backward pass reads.
        case convolutionTraining = "convolution-training"
        case convolutionData = "convolution-data"
        case convolutionWeight = "convolution-weight"
        case dense
        /// Dense layer at inference in 16-bit fixed point.
        case denseFixedPoint = "dense-int16"
        case denseData = "dense-data"
        case denseWeight = "dense-weight"
        case pooling
        case poolingData = "pooling-data"
        case batchNorm = "batch-norm"
        case batchNormBackward = "batch-norm-backward"
        /// ReLU, addition, dropout.
        case elementwise
        case elementwiseBackward = "elementwise-backward"
        case norm
        case step
        case normalize
        case augment
    }

    /// An operation with its tensors.
    package struct Loaded {
        /// Floats of scratch, for the current thread count and algorithm.
        package let scratchCount: () -> Int
        /// Executes the operation once.
        package let execute: (_ scratch: Tensor) throws -> Void

        package init(scratchCount: @escaping () -> Int = { 0 }, execute: @escaping (Tensor) throws -> Void) {
            self.scratchCount = scratchCount
            self.execute = execute
        }
    }

    package let network: String
    package let kind: Kind
    /// Name of the layer, or of the part of an optimizer step.
    package let layer: String
    /// Shapes of input and output, for printing.
    package let shape: String
    /// Multiplications and additions by the definition, independent of the algorithm; nil for operations that are limited
    /// by memory.
    package let flops: Double?
    /// Bytes of inputs and outputs, each counted once.
    package let bytes: Double
    /// Algorithms that support the shape; empty for kernels with only one.
    package var algorithms = [ConvolutionAlgorithm]()
    /// The algorithm that the kernels choose by default.
    package var preferred: ConvolutionAlgorithm?
    /// Allocates the tensors.
    package let load: () throws -> Loaded

    package init(
        network: String, kind: Kind, layer: String, shape: String, flops: Double? = nil, floats: Int,
        load: @escaping () throws -> Loaded
    ) {
        self.network = network
        self.kind = kind
        self.layer = layer
        self.shape = shape
        self.flops = flops
        bytes = Double(floats) * 4
        self.load = load
    }

    /// Text that `--filter` searches.
    package var title: String { "\(network) \(kind.rawValue) \(layer)" }
}

/// A tensor of reproducible random numbers, uniform in [-1, 1).
func randomTensor(_ shape: Shape) throws -> Tensor {
    let tensor = Tensor(shape)
    try Kernels.randomUniform(tensor, in: -1..<1, seed: 1)
    return tensor
}
