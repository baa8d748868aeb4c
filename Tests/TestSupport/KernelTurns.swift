import Tensors
import Testing

/// Trait of every suite that calls kernels, in any test target. Such tests take turns, because kernels must be called from
/// one thread at a time and their thread count is global.
package struct KernelTurns: SuiteTrait, TestTrait, TestScoping {
    package var isRecursive: Bool { true }

    package func scopeProvider(for test: Test, testCase: Test.Case?) -> KernelTurns? {
        testCase == nil ? nil : self
    }

    package func provideScope(
        for test: Test, testCase: Test.Case?, performing function: @Sendable () async throws -> Void
    ) async throws {
        await Turnstile.shared.enter()
        let threads = Kernels.threadCount
        var failure: (any Error)?
        do { try await function() } catch { failure = error }
        // A test that sets the number of threads does not change that of later ones.
        try Kernels.setThreadCount(threads)
        await Turnstile.shared.leave()
        if let failure { throw failure }
    }
}

extension Trait where Self == KernelTurns {
    /// Serializes tests that call kernels.
    package static var kernelTurns: KernelTurns { KernelTurns() }
}

/// Admits one task at a time, in the order of arrival.
private actor Turnstile {
    static let shared = Turnstile()
    private var isTaken = false
    private var waiting: [CheckedContinuation<Void, Never>] = []

    func enter() async {
        if !isTaken {
            isTaken = true
            return
        }
        await withCheckedContinuation { waiting.append($0) }
    }

    func leave() {
        if waiting.isEmpty {
            isTaken = false
        } else {
            waiting.removeFirst().resume()
        }
    }
}
