import Dispatch
import Glibc
import Synchronization
import SystemPackage


/// A double-buffered producer: fills one slot on a thread of its own while the caller uses the other one.
///
/// Items are produced and consumed in order. A slot belongs to the thread while it is filled and to the caller while it
/// is used, so that slots and the producer's state need no locks. Where the system has no thread left, the caller
/// fills the slots itself.
package final class Prefetcher<Slot> {
    /// The state that the two threads share. `free` counts slots to fill, `filled` those to use; the semaphores give
    /// each slot to one thread at a time.
    private final class Shared: @unchecked Sendable {
        struct State {
            var isStopped = false
            /// Whether the caller waits for an item.
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
            nameThread(name)
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
    /// Seconds that the caller waited for items.
    package private(set) var secondsWaiting = 0.0
    /// Seconds that filling slots took.
    package var secondsProducing: Double { shared.state.withLock { $0.secondsProducing } }

    /// `name` is the name of the thread, of at most 15 characters. `produce` fills a slot with item `index`;
    /// `isAwaited` says whether the caller waits, so that the producer may use all processors.
    package init(
        name: String, count: Int, slots: (Slot, Slot),
        produce: @escaping (_ index: Int, _ slot: Slot, _ isAwaited: Bool) throws -> Void
    ) {
        shared = Shared(name, count, slots, produce)
    }

    /// Calls `body` with each item in order. Call it once. Rethrows the first error of `produce` or `body`; the thread
    /// has ended when this returns or throws.
    package func forEach(_ body: (_ index: Int, _ slot: Slot) throws -> Void) throws {
        if shared.count == 0 { return }
        guard let thread = startThread() else {
            for index in 0..<shared.count {
                try shared.fill(index, isAwaited: true)
                try body(index, shared.slot(index))
            }
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

    /// The running thread; nil where the system has none left.
    private func startThread() -> pthread_t? {
        let body = Unmanaged.passRetained(ThreadBody { [shared] in shared.run() })
        var thread = pthread_t()
        let status = pthread_create(
            &thread, nil,
            { argument in
                Unmanaged<ThreadBody>.fromOpaque(argument!).takeRetainedValue().run()
                return nil
            }, body.toOpaque())
        guard status == 0 else {
            body.release()
            return nil
        }
        return thread
    }
}

/// A closure that a C function can be handed.
private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void

    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Names the calling thread, for debuggers and `top -H`.
private func nameThread(_ name: String) {
    guard let file = try? FileDescriptor.open("/proc/thread-self/comm", .writeOnly) else { return }
    _ = try? file.writeAll(name.utf8)
    try? file.close()
}
