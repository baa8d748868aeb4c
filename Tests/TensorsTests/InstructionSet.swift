import CKernels

/// Kernels' forms for the instruction sets that this processor has.
enum InstructionSet {
    /// Runs `body` with each form.
    static func each(_ body: (ck_isa) throws -> Void) rethrows {
        defer { ck_set_isa(.any) }
        for isa in [ck_isa.portable, .avx2, .avx512] where ck_set_isa(isa) == .ok { try body(isa) }
    }
}
