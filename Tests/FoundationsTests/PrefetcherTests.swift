import Foundations
import Glibc
import Synchronization
import Testing

struct PrefetcherTests {
    /// Two threads must never use a slot at the same time.
    private final class Slot: Sendable {
        let item = Mutex(-1)
        let users = Atomic(0)

        func use<Value>(_ body: () throws -> Value) rethrows -> Value {
            #expect(users.add(1, ordering: .sequentiallyConsistent).newValue == 1, "another thread uses the slot")
            defer { users.subtract(1, ordering: .sequentiallyConsistent) }
            return try body()
        }
    }

    private struct Failure: Error, Equatable { let index: Int }

    private final class Producer: Sendable {
        let produced = Mutex([Int]())
        let failsAt: Int?

        init(failsAt: Int? = nil) { self.failsAt = failsAt }

        func prefetcher(_ count: Int, delay: UInt32 = 0) -> Prefetcher<Slot> {
            Prefetcher(name: "test", count: count, slots: (Slot(), Slot())) { [self] index, slot, _ in
                try slot.use {
                    if delay > 0 { usleep(delay) }
                    if index == failsAt { throw Failure(index: index) }
                    slot.item.withLock { $0 = index }
                    produced.withLock { $0.append(index) }
                }
            }
        }
    }

    private func items(_ prefetcher: Prefetcher<Slot>, delay: UInt32 = 0) throws -> [Int] {
        var items = [Int]()
        try prefetcher.forEach { index, slot in
            slot.use {
                if delay > 0 { usleep(delay) }
                #expect(slot.item.withLock { $0 } == index)
                items.append(index)
            }
        }
        return items
    }

    @Test(arguments: [0, 1, 2, 3, 57]) func itemsArriveInOrder(_ count: Int) throws {
        for delays: (UInt32, UInt32) in [(0, 0), (300, 0), (0, 300)] {
            let producer = Producer()
            #expect(try items(producer.prefetcher(count, delay: delays.0), delay: delays.1) == Array(0..<count))
            #expect(producer.produced.withLock { $0 } == Array(0..<count))
        }
    }

    @Test(arguments: [0, 1, 2, 7]) func errorsOfTheProducerAreRethrown(_ index: Int) {
        let producer = Producer(failsAt: index)
        var used = [Int]()
        #expect(throws: Failure(index: index)) {
            try producer.prefetcher(20).forEach { index, _ in used.append(index) }
        }
        #expect(used == Array(0..<index) && producer.produced.withLock { $0 } == Array(0..<index))
    }

    @Test(arguments: [0, 1, 6]) func errorsOfTheCallerEndTheThread(_ index: Int) {
        let producer = Producer()
        let prefetcher = producer.prefetcher(1000)
        #expect(throws: Failure(index: index)) {
            try prefetcher.forEach { item, _ in if item == index { throw Failure(index: item) } }
        }
        let produced = producer.produced.withLock { $0.count }
        #expect((index + 1...index + 2).contains(produced), "at most one item ahead")
        usleep(20_000)
        #expect(producer.produced.withLock { $0.count } == produced, "the thread has ended")
    }

    @Test func waitingAndProducingAreTimed() throws {
        let slow = Producer().prefetcher(5, delay: 4000)
        _ = try items(slow)
        #expect(slow.secondsProducing > 0.02 && slow.secondsWaiting > 0.015)
        let fast = Producer().prefetcher(5)
        _ = try items(fast, delay: 4000)
        #expect(fast.secondsProducing < slow.secondsProducing)
    }

    @Test func theFirstItemIsAwaited() throws {
        let awaited = Mutex([Bool]())
        let prefetcher = Prefetcher(name: "test", count: 3, slots: (Slot(), Slot())) { _, _, isAwaited in
            awaited.withLock { $0.append(isAwaited) }
        }
        try prefetcher.forEach { _, _ in }
        #expect(awaited.withLock { $0.count } == 3 && awaited.withLock { $0[0] })
    }

    /// The fallback where the system has no thread left.
    @Test func slotsAreFilledInTurnWithoutAThread() throws {
        let caller = pthread_self()
        let prefetcher = Prefetcher(name: "test", count: 5, slots: (Slot(), Slot())) { index, slot, isAwaited in
            #expect(pthread_equal(pthread_self(), caller) != 0 && isAwaited)
            if index == 4 { throw Failure(index: 4) }
            slot.item.withLock { $0 = index }
        }
        var items = [Int]()
        #expect(throws: Failure(index: 4)) {
            try prefetcher.forEachInTurn { index, slot in items.append(slot.item.withLock { $0 } + 10 * index) }
        }
        #expect(items == [0, 11, 22, 33])
    }
}
