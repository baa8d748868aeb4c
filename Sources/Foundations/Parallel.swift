import Glibc
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
    performConcurrently(threads) { thread in
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

/// Calls `body` as `forEachInParallel` does. Returns the results in the order of the indices.
package func mapInParallel<Value: Sendable>(
    _ count: Int, threads: Int, afterEach: @Sendable (_ finished: Int) throws -> Void = { _ in },
    _ body: @Sendable (_ index: Int) throws -> Value
) throws -> [Value] {
    let results = Mutex([Value?](repeating: nil, count: count))
    try forEachInParallel(count, threads: threads, afterEach: afterEach) { index in
        let value = try body(index)
        results.withLock { $0[index] = value }
    }
    return results.withLock { $0.map { $0! } }
}

/// Calls `body` with each of 0 ..< count at the same time: with 0 on the calling thread, with the others on threads of
/// their own. Where the system refuses a thread, the calling thread makes its call too, after the first.
package func performConcurrently(_ count: Int, _ body: @Sendable (_ index: Int) -> Void) {
    withoutActuallyEscaping(body) { body in
        let threads = (1..<max(1, count)).map { index in startThread("worker \(index)") { body(index) } }
        if count > 0 { body(0) }
        for (index, thread) in threads.enumerated() {
            if let thread { pthread_join(thread, nil) } else { body(index + 1) }
        }
    }
}
