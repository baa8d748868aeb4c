import CKernels

/// A way to compute convolutions that this processor can go.
struct ConvolutionForm: Equatable, CustomStringConvertible {
    let algorithm: ck_conv2d_algorithm
    let isa: ck_isa

    /// Left to the kernels.
    static let any = ConvolutionForm(algorithm: .any, isa: .any)
    static let im2col = ConvolutionForm(algorithm: .im2col, isa: .any)

    static let available: [ConvolutionForm] =
        [im2col]
        + [ck_isa.portable, .avx2, .avx512].map { ConvolutionForm(algorithm: .direct, isa: $0) }.filter { form in
            defer { ck_conv2d_set_choice(.any, .any) }
            return ck_conv2d_set_choice(form.algorithm, form.isa) == .ok
        }

    var description: String {
        switch (algorithm, isa) {
        case (.im2col, _): "im2col"
        case (_, .portable): "direct, portable"
        case (_, .avx2): "direct, AVX2"
        case (_, .avx512): "direct, AVX-512"
        default: "any"
        }
    }

    /// Convolutions in `body` go this way, where it serves their shape.
    func use<R>(_ body: () throws -> R) rethrows -> R {
        precondition(ck_conv2d_set_choice(algorithm, isa) == .ok, "this processor has no form \(self)")
        defer { ck_conv2d_set_choice(.any, .any) }
        return try body()
    }

    /// Runs `body` with each form, and with what the kernels choose themselves.
    static func each(_ body: (ConvolutionForm) throws -> Void) rethrows {
        for form in available + [any] { try form.use { try body(form) } }
    }
}
