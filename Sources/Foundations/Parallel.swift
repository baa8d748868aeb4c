import Dispatch
import Synchronization

/// Calls `body` with each of 0 ..< count, on several threads. Thread t takes the items t, t + threads, t + 2 * threads ...
///
/// `afterEach` receives the number of finished items, from one thread at a time. After the first error of `body` or
/// `afterEach` no further item begins. Rethrows that error.
package func forEachInParallel(
    _ count: Int, threads: Int, afterEach: @Sendable (_ finished: Int) throws -> Void = { _ in },
    _ body: @Sendable (_ index: Int) throws -> Void
) throws {
    let state = Mutex<(finished: Int, failure: (any Error)?)>((0, nil))
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
        for index in stride(from: thread, to: count, by: threads) {
            if state.withLock({ $0.failure != nil }) { return }
            do {
                try body(index)
                try state.withLock { state in
                    state.finished += 1
                    if state.failure == nil { try afterEach(state.finished) }
                }
            } catch {
                state.withLock { $0.failure = $0.failure ?? error }
            }
        }
    }
    if let failure = state.withLock({ $0.failure }) { throw failure }
}
