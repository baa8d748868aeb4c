import CKernels

extension ck_isa: @retroactive CustomStringConvertible {
    public var description: String {
        switch self {
        case .any: "any"
        case .portable: "portable"
        case .avx2: "AVX2"
        case .avx512: "AVX-512"
        }
    }

    /// The sets that this processor has.
    static let available: [ck_isa] = [.portable, .avx2, .avx512].filter { isa in
        defer { ck_set_isa(.any) }
        return ck_set_isa(isa) == .ok
    }

    /// Kernels in `body` use these instructions.
    func use<R>(_ body: () throws -> R) rethrows -> R {
        precondition(ck_set_isa(self) == .ok, "this processor has no \(self)")
        defer { ck_set_isa(.any) }
        return try body()
    }

    /// Runs `body` with each set that this processor has.
    static func each(_ body: (ck_isa) throws -> Void) rethrows {
        for isa in available { try isa.use { try body(isa) } }
    }
}
