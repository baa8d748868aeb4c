import CKernels
import Tensors
import TestSupport

/// A convolution algorithm and instruction set that this processor supports.
struct ConvolutionVariant: Equatable, CustomStringConvertible {
    let algorithm: ck_conv2d_algorithm
    let isa: ck_isa

    /// Chosen by the kernels.
    static let any = ConvolutionVariant(algorithm: .any, isa: .any)
    static let im2col = ConvolutionVariant(algorithm: .im2col, isa: .any)

    static let available: [ConvolutionVariant] =
        [im2col]
        + [ck_conv2d_algorithm.direct, .winograd].flatMap { algorithm in
            [ck_isa.portable, .avx2, .avx512].map { ConvolutionVariant(algorithm: algorithm, isa: $0) }
        }.filter { variant in
            defer { ck_conv2d_set_algorithm(.any, .any) }
            return ck_conv2d_set_algorithm(variant.algorithm, variant.isa) == .ok
        }

    var description: String {
        let name =
            switch algorithm {
            case .any: "any"
            case .im2col: "im2col"
            case .direct: "direct"
            case .winograd: "winograd"
            }
        return switch isa {
        case .any: name
        case .portable: "\(name), portable"
        case .avx2: "\(name), AVX2"
        case .avx512: "\(name), AVX-512"
        }
    }

    /// Whether it may use Winograd's transforms for this convolution, which lose a digit of precision.
    func transforms(_ g: Convolution) -> Bool {
        (algorithm == .winograd || algorithm == .any) && [3, 5].contains(g.kernelHeight)
            && g.kernelWidth == g.kernelHeight && g.strideY == 1 && g.strideX == 1
    }

    /// Tolerance for comparison with exact results. Intermediate sums of Winograd's transforms are up to a hundred times
    /// as large as results; the largest error seen was 1.1e-5 of the largest result.
    func tolerance(_ expected: [Double], _ g: Convolution) -> Tolerance {
        transforms(g)
            ? Tolerance(absolute: 2e-5 * max(expected.largestMagnitude, 0.1), relative: 1e-5)
            : productTolerance(expected)
    }

    /// Runs `body` with this variant selected. Shapes that it does not support use another one.
    func use<R>(_ body: () throws -> R) rethrows -> R {
        precondition(ck_conv2d_set_algorithm(algorithm, isa) == .ok, "this processor does not support \(self)")
        defer { ck_conv2d_set_algorithm(.any, .any) }
        return try body()
    }

    /// Runs `body` with each variant, and with the choice of the kernels.
    static func each(_ body: (ConvolutionVariant) throws -> Void) rethrows {
        for variant in available + [any] { try variant.use { try body(variant) } }
    }
}
