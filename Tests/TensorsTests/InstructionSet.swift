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

    /// Instruction sets that this processor supports.
    static let available: [ck_isa] = [.portable, .avx2, .avx512].filter { isa in
        defer { ck_set_isa(.any) }
        return ck_set_isa(isa) == .ok
    }

    /// Calls `body` with this instruction set selected.
    func use<R>(_ body: () throws -> R) rethrows -> R {
        precondition(ck_set_isa(self) == .ok, "this processor does not support \(self)")
        defer { ck_set_isa(.any) }
        return try body()
    }

    /// Calls `body` with each supported instruction set selected.
    static func each(_ body: (ck_isa) throws -> Void) rethrows {
        for isa in available { try isa.use { try body(isa) } }
    }

    /// Calls `body` with each supported instruction set selected, those of the kernels in fixed point also without VNNI.
    static func eachForFixedPoint(_ body: (String) throws -> Void) rethrows {
        defer { ck_fixed_set_vnni(true) }
        try each { isa in
            for mayUseVNNI in isa == .portable ? [true] : [true, false] {
                ck_fixed_set_vnni(mayUseVNNI)
                try body("\(isa)\(mayUseVNNI ? "" : " without VNNI")")
            }
        }
    }
}
