import TestSupport
import Testing

/// All suites that call kernels are nested here: kernels may be called from one thread at a time.
@Suite(.serialized, .kernelTurns)
enum KernelTests {}
