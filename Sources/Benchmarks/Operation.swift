import Tensors

/// One thing that kernels do, for one layer's shape.
package struct Operation {
    package enum Kind: String, Codable, CaseIterable, Sendable {
        /// As inference does it, with what the network folds into it.
        case convolution
        /// As training does it, with what backward passes need kept.
        case convolutionTraining = "convolution-training"
        case convolutionData = "convolution-data"
        case convolutionWeight = "convolution-weight"
        case dense
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
        /// Floats of scratch, with the threads and the choice that are set.
        package let scratchCount: () -> Int
        /// Does it once.
        package let run: (_ scratch: Tensor) throws -> Void

        package init(scratchCount: @escaping () -> Int = { 0 }, run: @escaping (Tensor) throws -> Void) {
            self.scratchCount = scratchCount
            self.run = run
        }
    }

    package let network: String
    package let kind: Kind
    /// The layer's name, or which part of a step it is.
    package let layer: String
    /// What goes in and comes out, for people.
    package let shape: String
    /// Multiplications and additions of the definition, whatever the algorithm saves; nil where there is nothing to
    /// speak of beside the memory that is moved.
    package let operations: Double?
    /// Bytes that have to be read or written at least: inputs and outputs, once each.
    package let bytes: Double
    /// The algorithms that serve the shape; empty where there is no choice.
    package var algorithms = [ConvolutionAlgorithm]()
    /// What the kernels choose themselves.
    package var preferred: ConvolutionAlgorithm?
    /// Makes the tensors.
    package let load: () throws -> Loaded

    package init(
        network: String, kind: Kind, layer: String, shape: String, operations: Double? = nil, floats: Int,
        load: @escaping () throws -> Loaded
    ) {
        self.network = network
        self.kind = kind
        self.layer = layer
        self.shape = shape
        self.operations = operations
        bytes = Double(floats) * 4
        self.load = load
    }

    /// What a filter is looked for in.
    package var title: String { "\(network) \(kind.rawValue) \(layer)" }
}

/// A tensor of numbers that look like activations: uniform in [-1, 1), the same every time.
func made(_ shape: Shape) throws -> Tensor {
    let tensor = Tensor(shape)
    try Kernels.randomUniform(tensor, in: -1..<1, seed: 1)
    return tensor
}
