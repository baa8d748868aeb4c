import CKernels

/// Instructions that kernels with several forms may use.
package enum InstructionSet: String, CaseIterable, Sendable {
    /// The best ones of the processor.
    case any
    case portable, avx2, avx512

    fileprivate init(native: ck_isa) {
        self =
            switch native {
            case .any: .any
            case .portable: .portable
            case .avx2: .avx2
            case .avx512: .avx512
            }
    }

    fileprivate var native: ck_isa {
        switch self {
        case .any: .any
        case .portable: .portable
        case .avx2: .avx2
        case .avx512: .avx512
        }
    }
}

/// A way to compute convolutions. There are as many as the kernels have.
package struct ConvolutionAlgorithm: Hashable, Sendable, CustomStringConvertible {
    /// What is fastest for the shape.
    package static let any = ConvolutionAlgorithm(native: .any)

    package static let im2col = ConvolutionAlgorithm(native: .im2col)
    package static let winograd = ConvolutionAlgorithm(native: .winograd)

    /// Every way there is; `any` stands for one of them.
    package static let all: [ConvolutionAlgorithm] = (1...)
        .lazy.map { ConvolutionAlgorithm(native: ck_conv2d_algorithm(rawValue: $0)!) }
        .prefix { ck_conv2d_algorithm_name($0.native) != nil }

    fileprivate let native: ck_conv2d_algorithm

    fileprivate init(native: ck_conv2d_algorithm) {
        self.native = native
    }

    /// As NUCLEI_CONV takes it.
    package var name: String { ck_conv2d_algorithm_name(native).map { String(cString: $0) } ?? "\(native.rawValue)" }
    package var description: String { name }
}

extension Convolution {
    package enum Pass: CaseIterable, Sendable {
        case forward, backwardData, backwardWeight
    }

    /// How a pass is computed for a batch as things are set.
    package func algorithm(of pass: Pass, batch: Int) throws(KernelError) -> ConvolutionAlgorithm {
        let native: ck_conv2d_pass =
            switch pass {
            case .forward: .forward
            case .backwardData: .backwardData
            case .backwardWeight: .backwardWeight
            }
        var (result, d) = (ck_conv2d_algorithm.any, dimensions(batch: batch))
        try KernelError.check(ck_conv2d_chosen_algorithm(&result, &d, native))
        return ConvolutionAlgorithm(native: result)
    }
}

extension Kernels {
    /// The instructions of kernels with several forms, which the last bits of their results depend on.
    package static var instructions: InstructionSet { InstructionSet(native: ck_used_isa()) }

    /// Overrides the instructions of all kernels, and nothing else. Throws `badParameter` when the processor lacks them.
    package static func setInstructions(_ instructions: InstructionSet) throws(KernelError) {
        try KernelError.check(ck_set_isa(instructions.native))
    }

    /// Overrides how convolutions are computed, where it serves their shape, and the instructions of all kernels. The
    /// scratch that convolutions need changes with it. Throws `badParameter` when the processor lacks the instructions.
    package static func setConvolutionAlgorithm(
        _ algorithm: ConvolutionAlgorithm, _ instructions: InstructionSet
    ) throws(KernelError) {
        try KernelError.check(ck_conv2d_set_algorithm(algorithm.native, instructions.native))
    }
}
