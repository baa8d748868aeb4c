import CKernels
import Tensors
import TestSupport

/// A way to compute convolutions that this processor can go.
struct ConvolutionVariant: Equatable, CustomStringConvertible {
    let algorithm: ck_conv2d_algorithm
    let isa: ck_isa

    /// Left to the kernels.
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

    /// Whether it may transform this convolution, which costs a digit.
    func transforms(_ g: Convolution) -> Bool {
        (algorithm == .winograd || algorithm == .any) && [3, 5].contains(g.kernelHeight)
            && g.kernelWidth == g.kernelHeight && g.strideY == 1 && g.strideX == 1
    }

    /// What its results may differ from exact ones. Winograd's transforms go through sums of up to a hundred times their
    /// result: 1.1e-5 of the largest one was seen.
    func tolerance(_ expected: [Double], _ g: Convolution) -> Tolerance {
        transforms(g)
            ? Tolerance(absolute: 2e-5 * max(expected.largestMagnitude, 0.1), relative: 1e-5)
            : productTolerance(expected)
    }

    /// Convolutions in `body` go this way, where it serves their shape.
    func use<R>(_ body: () throws -> R) rethrows -> R {
        precondition(ck_conv2d_set_algorithm(algorithm, isa) == .ok, "this processor has no variant \(self)")
        defer { ck_conv2d_set_algorithm(.any, .any) }
        return try body()
    }

    /// Runs `body` with each variant, and with what the kernels choose themselves.
    static func each(_ body: (ConvolutionVariant) throws -> Void) rethrows {
        for variant in available + [any] { try variant.use { try body(variant) } }
    }
}
