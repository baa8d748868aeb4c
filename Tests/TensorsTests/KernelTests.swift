import TestSupport
import Testing

/// Contains all suites that call kernels, because kernels must be called from one thread at a time.
@Suite(.serialized, .kernelTurns)
enum KernelTests {}
