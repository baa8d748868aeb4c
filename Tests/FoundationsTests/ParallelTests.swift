import Foundations
import Glibc
import Synchronization
import Testing

struct ParallelTests {
    @Test(arguments: [0, 1, 2, 7]) func everyCallIsMade(_ count: Int) {
        let seen = Mutex([Int]())
        performConcurrently(count) { index in seen.withLock { $0.append(index) } }
        #expect(seen.withLock { $0.sorted() } == Array(0..<count))
    }

    @Test func callsAreMadeAtTheSameTime() {
        let arrived = Atomic(0)
        performConcurrently(3) { _ in
            arrived.add(1, ordering: .relaxed)
            // Ends only because the other calls are made meanwhile.
            while arrived.load(ordering: .relaxed) < 3 { usleep(100) }
        }
        #expect(arrived.load(ordering: .relaxed) == 3)
    }
}
