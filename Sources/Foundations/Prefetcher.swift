import Dispatch
import Glibc
import Synchronization

/// A double-buffered producer: fills one slot on its own thread while the caller uses the other.
///
/// Items are produced and consumed in order. Only one thread has access to a slot at a time, so that slots and the
/// producer's state need no locks. Where the system has no thread left, slots are filled on the caller's thread.
package final class Prefetcher<Slot> {
    /// State of the two threads. `free` counts the slots to fill and `filled` those to use; the semaphores give each slot
    /// to one thread at a time.
    private final class Shared: @unchecked Sendable {
        struct State {
            var isStopped = false
            /// Whether the caller is waiting for an item.
            var isAwaited = true
            var failures: [(any Error)?] = [nil, nil]
            var secondsProducing = 0.0
        }

        let name: String
        let count: Int
        let slots: (Slot, Slot)
        let produce: (_ index: Int, _ slot: Slot, _ isAwaited: Bool) throws -> Void
        let free = DispatchSemaphore(value: 0)
        let filled = DispatchSemaphore(value: 0)
        let state = Mutex(State())

        init(
            _ name: String, _ count: Int, _ slots: (Slot, Slot),
            _ produce: @escaping (_ index: Int, _ slot: Slot, _ isAwaited: Bool) throws -> Void
        ) {
            (self.name, self.count, self.slots, self.produce) = (name, count, slots, produce)
        }

        func slot(_ index: Int) -> Slot { index % 2 == 0 ? slots.0 : slots.1 }

        func fill(_ index: Int, isAwaited: Bool) throws {
            let start = ContinuousClock.now
            try produce(index, slot(index), isAwaited)
            state.withLock { $0.secondsProducing += start.secondsSince }
        }

        /// The body of the thread.
        func run() {
            for index in 0..<count {
                free.wait()
                let (isStopped, isAwaited) = state.withLock { ($0.isStopped, $0.isAwaited) }
                if isStopped { break }
                do {
                    try fill(index, isAwaited: isAwaited)
                    filled.signal()
                } catch {
                    state.withLock { $0.failures[index % 2] = error }
                    filled.signal()
                    break
                }
            }
        }
    }

    private let shared: Shared
    /// Seconds that the caller has waited for items.
    package private(set) var secondsWaiting = 0.0
    /// Seconds that filling slots has taken.
    package var secondsProducing: Double { shared.state.withLock { $0.secondsProducing } }

    /// `name` is the thread's name, of at most 15 characters. `produce` fills a slot with item `index`. `isAwaited` is true
    /// while the caller is waiting: its processors are idle, and the producer may use them.
    package init(
        name: String, count: Int, slots: (Slot, Slot),
        produce: @escaping (_ index: Int, _ slot: Slot, _ isAwaited: Bool) throws -> Void
    ) {
        shared = Shared(name, count, slots, produce)
    }

    /// Calls `body` with each item in order. Call it once. Rethrows the first error of `produce` or `body`. The thread
    /// has ended when this returns or throws.
    package func forEach(_ body: (_ index: Int, _ slot: Slot) throws -> Void) throws {
        if shared.count == 0 { return }
        guard let thread = startThread(shared.name, { [shared] in shared.run() }) else {
            try forEachInTurn(body)
            return
        }
        shared.free.signal()
        shared.free.signal()
        defer {
            shared.state.withLock { $0.isStopped = true }
            shared.free.signal()
            pthread_join(thread, nil)
        }
        for index in 0..<shared.count {
            let start = ContinuousClock.now
            shared.state.withLock { $0.isAwaited = true }
            shared.filled.wait()
            shared.state.withLock { $0.isAwaited = false }
            secondsWaiting += start.secondsSince
            if let failure = shared.state.withLock({ $0.failures[index % 2] }) { throw failure }
            try body(index, shared.slot(index))
            shared.free.signal()
        }
    }

    /// Like `forEach`, but fills and uses the slots by turns on the calling thread.
    package func forEachInTurn(_ body: (_ index: Int, _ slot: Slot) throws -> Void) throws {
        for index in 0..<shared.count {
            try shared.fill(index, isAwaited: true)
            try body(index, shared.slot(index))
        }
    }
}
