import Foundation
import Synchronization

extension TileSet {
    /// Measures every tile, on some threads; the result does not depend on their number. `afterEach` is told how many
    /// are done; it may throw to stop.
    func measured(threads: Int, afterEach: @Sendable (Int) throws -> Void) throws -> [MeasuredTile] {
        let measured = Mutex([MeasuredTile?](repeating: nil, count: tiles.count))
        try inParallel(tiles.count, threads: threads, afterEach: afterEach) { index in
            let tile = withPixels { pixels in
                MeasuredTile(
                    UnsafeRawBufferPointer(rebasing: pixels[index * Self.tileBytes..<(index + 1) * Self.tileBytes]))
            }
            measured.withLock { $0[index] = tile }
        }
        return measured.withLock { $0.compactMap { $0 } }
    }
}

/// Does pieces of work on some threads. `afterEach` is called by one thread at a time; when it throws, no further
/// piece is begun.
func inParallel(
    _ count: Int, threads: Int, afterEach: @Sendable (Int) throws -> Void, _ work: @Sendable (Int) -> Void
) throws {
    let state = Mutex<(done: Int, failure: (any Error)?)>((0, nil))
    DispatchQueue.concurrentPerform(iterations: threads) { thread in
        for index in stride(from: thread, to: count, by: threads) {
            if state.withLock({ $0.failure != nil }) { return }
            work(index)
            state.withLock { state in
                state.done += 1
                guard state.failure == nil else { return }
                do { try afterEach(state.done) } catch { state.failure = error }
            }
        }
    }
    if let failure = state.withLock({ $0.failure }) { throw failure }
}
