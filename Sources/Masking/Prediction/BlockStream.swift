import Dispatch
import Foundations
import Foundation
import Imaging
import Synchronization
import Tensors

/// Reads the rectangles of an image one after the other on a thread of its own, one ahead of the caller.
///
/// The reader is the thread's from beginning to end; a block is the thread's while it is read and the caller's while it is
/// worked on.
final class BlockStream: Sendable {
    /// Lets the semaphores, not the compiler, see to it that one thread at a time has these.
    private struct Shared: @unchecked Sendable {
        let reader: any BlockReader
        let blocks: [PixelBlock]
    }

    private struct State {
        var isAbandoned = false
        /// Whether the caller has nothing to work on.
        var isAwaited = true
        var failures: [FileError?] = [nil, nil]
        var secondsReading = 0.0
        var secondsWaiting = 0.0
    }

    private let shared: Shared
    private let regions: [PixelRegion]
    /// As many as kernels may use, which the maker's thread knows.
    private let threads = Kernels.threadCount
    private let free = DispatchSemaphore(value: 0)
    private let filled = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let state = Mutex(State())

    /// Regions may reach beyond the image where it is smaller than a window: there it is padded by reflection.
    init(_ reader: any BlockReader, _ regions: [PixelRegion]) {
        shared = Shared(reader: reader, blocks: [PixelBlock(), PixelBlock()])
        self.regions = regions
    }

    /// Spent by the thread on reading, and by the caller on waiting for it.
    var secondsReading: Double { state.withLock { $0.secondsReading } }
    var secondsWaiting: Double { state.withLock { $0.secondsWaiting } }

    /// Calls `body` with the blocks in their order, once. The thread has ended when this returns or throws.
    func forEachBlock(_ body: (Int, PixelBlock) throws -> Void) throws {
        if regions.isEmpty { return }
        begin()
        defer { end() }
        for index in regions.indices {
            let start = ContinuousClock.now
            state.withLock { $0.isAwaited = true }
            filled.wait()
            state.withLock {
                $0.isAwaited = false
                $0.secondsWaiting += (ContinuousClock.now - start) / .seconds(1)
            }
            if let failure = state.withLock({ $0.failures[index % 2] }) { throw failure }
            try body(index, shared.blocks[index % 2])
            free.signal()
        }
    }

    private func begin() {
        free.signal()
        free.signal()
        let thread = Thread { [self] in
            // Only a thread that runs passes its name on to the system.
            Thread.current.name = "read"
            for (index, region) in regions.enumerated() {
                free.wait()
                if state.withLock({ $0.isAbandoned }) { break }
                let start = ContinuousClock.now
                // Beside the caller's threads more would be in their way.
                let readingThreads = state.withLock { $0.isAwaited } ? threads : 1
                do throws(FileError) {
                    try read(region, into: shared.blocks[index % 2], threads: readingThreads)
                } catch {
                    state.withLock { $0.failures[index % 2] = error }
                    filled.signal()
                    break
                }
                state.withLock { $0.secondsReading += (ContinuousClock.now - start) / .seconds(1) }
                filled.signal()
            }
            ended.signal()
        }
        thread.start()
    }

    private func read(_ region: PixelRegion, into block: PixelBlock, threads: Int) throws(FileError) {
        let reader = shared.reader
        let whole = PixelRegion(x: 0, y: 0, width: reader.width, height: reader.height)
        try reader.read(region.intersection(whole), into: block, threads: threads)
        block.reflect(width: region.width, height: region.height)
    }

    private func end() {
        state.withLock { $0.isAbandoned = true }
        free.signal()
        ended.wait()
    }
}
