import CKernels
import Foundations
import Glibc

/// Instruction sets that kernels have variants for.
package enum InstructionSet: String, CaseIterable, Sendable {
    /// The best one that the processor supports.
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

/// Algorithm for convolution.
package struct ConvolutionAlgorithm: Hashable, Sendable, CustomStringConvertible {
    /// The fastest algorithm for the shape.
    package static let any = ConvolutionAlgorithm(native: .any)

    package static let im2col = ConvolutionAlgorithm(native: .im2col)
    package static let winograd = ConvolutionAlgorithm(native: .winograd)

    /// All algorithms, without `any`.
    package static let all: [ConvolutionAlgorithm] = (1...)
        .lazy.map { ConvolutionAlgorithm(native: ck_conv2d_algorithm(rawValue: $0)!) }
        .prefix { ck_conv2d_algorithm_name($0.native) != nil }

    fileprivate let native: ck_conv2d_algorithm

    fileprivate init(native: ck_conv2d_algorithm) {
        self.native = native
    }

    /// Name in the environment variable NUCLEI_CONV.
    package var name: String { ck_conv2d_algorithm_name(native).map { String(cString: $0) } ?? "\(native.rawValue)" }
    package var description: String { name }
}

extension Convolution {
    /// Kernels of a convolution.
    package enum Pass: CaseIterable, Sendable {
        case forward, backwardData, backwardWeight
    }

    /// Algorithm that computes a pass for a batch with the current selection; never `any`.
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
    /// Instruction set of the kernels in use. The last bits of results depend on it.
    package static var instructions: InstructionSet { InstructionSet(native: ck_used_isa()) }

    /// Selects the instruction set of all kernels. Throws `badParameter` when the processor lacks it.
    package static func setInstructions(_ instructions: InstructionSet) throws(KernelError) {
        try KernelError.check(ck_set_isa(instructions.native))
    }

    /// Selects the convolution algorithm for all shapes that it supports, and the instruction set of all kernels. Changes
    /// how much scratch convolutions need. Throws `badParameter` when the processor lacks the instruction set.
    package static func setConvolutionAlgorithm(
        _ algorithm: ConvolutionAlgorithm, _ instructions: InstructionSet
    ) throws(KernelError) {
        try KernelError.check(ck_conv2d_set_algorithm(algorithm.native, instructions.native))
    }
}

extension Kernels {
    /// Throws `malformed` where NUCLEI_ISA or NUCLEI_CONV names nothing that this processor has. An empty variable chooses
    /// nothing.
    package static func checkEnvironment() throws(FileError) {
        func check(_ name: String, _ choices: [String]) throws(FileError) {
            guard let value = getenv(name).map({ String(cString: $0) }), !value.isEmpty else { return }
            if choices.contains(value) { return }
            throw FileError(name, expected: choices.joined(separator: ", "), found: value)
        }
        try check("NUCLEI_ISA", InstructionSet.allCases.filter { ck_has_isa($0.native) }.map(\.rawValue))
        try check("NUCLEI_CONV", ([.any] + ConvolutionAlgorithm.all).map(\.name))
    }
}
