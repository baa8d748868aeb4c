import Dispatch
import Foundation
import Synchronization
import Tensors

/// One batch of tiles. `bytes` is lent for the time of the closure that was given the batch.
package struct TileBatch {
    /// Indices of the tiles in their set.
    package let tiles: [Int]
    /// Where the first of them stands in the epoch's order.
    package let start: Int
    package let bytes: UnsafeRawBufferPointer
    package let windows: PixelWindows
    /// One for each tile, to be done to the normalized planes; empty when nothing is erased in this epoch.
    package let erasures: [Erasure]
}

/// Gives the tiles of an epoch batch by batch, and augments the next batch on a thread of its own while the caller
/// works on the current one.
///
/// Its two buffers are made once. One epoch at a time, from one thread. What a batch holds depends on the arguments
/// alone, never on timing.
package final class BatchLoader {
    private let set: TileSet
    private let batchSize: Int
    private let threads: Int
    private var buffers: BatchBuffers?

    /// `threads` is the size of the team that augments. One is best unless there are many processors: a batch takes a
    /// fraction of a training step, and a team of more would spin between its batches on processors that the
    /// training needs.
    package init(_ set: TileSet, batchSize: Int, threads: Int = 1) {
        precondition(batchSize >= 1 && threads >= 1, "batches of \(batchSize), \(threads) threads")
        self.set = set
        self.batchSize = batchSize
        self.threads = threads
    }

    /// Calls `body` with the batches of one epoch in order, the last one maybe shorter. Without settings the bytes are
    /// the set's own. When `body` throws, the epoch is over; the thread has ended when this returns or throws.
    package func forEachBatch(
        of order: [Int], seed: UInt64, epoch: Int, _ settings: AugmentationSettings?,
        _ body: (TileBatch) throws -> Void
    ) throws {
        guard let settings else {
            for start in stride(from: 0, to: order.count, by: batchSize) {
                let tiles = Array(order[start..<min(start + batchSize, order.count)])
                try set.withPixels {
                    try body(
                        TileBatch(tiles: tiles, start: start, bytes: $0, windows: set.windows(of: tiles), erasures: []))
                }
            }
            return
        }
        if order.isEmpty { return }
        let buffers = self.buffers ?? BatchBuffers(batchSize: batchSize, set, threads: threads)
        self.buffers = buffers
        let production = BatchProduction(
            set: set, order: order, batchSize: batchSize, seed: seed, epoch: epoch, settings: settings,
            threads: threads, buffers: buffers)
        production.begin()
        defer { production.end() }
        for batch in 0..<production.count { try production.consume(batch, body) }
    }
}

/// The memory of two batches, and of the kernel that fills them. Sendable, because `BatchProduction` lets either
/// thread at each buffer in turn, and only the one that augments at the scratch.
private final class BatchBuffers: @unchecked Sendable {
    let pixels: [UnsafeMutableRawBufferPointer]
    let scratch: Tensor

    init(batchSize: Int, _ set: TileSet, threads: Int) {
        pixels = (0..<2).map { _ in .allocate(byteCount: batchSize * TileSet.tileBytes, alignment: 64) }
        let windows = set.windows(of: [Int](repeating: 0, count: batchSize))
        scratch = Tensor([Kernels.augmentationScratchCount(windows, threads: threads)])
    }

    deinit { pixels.forEach { $0.deallocate() } }
}

/// One epoch of a loader. The semaphores order all access to the buffers: one is the producer's from `free` to
/// `filled`, and the consumer's from `filled` to `free`.
private final class BatchProduction: Sendable {
    private struct State {
        var isAbandoned = false
        /// What has become of the batches in the two buffers.
        var results: [Result<[Erasure], KernelError>?] = [nil, nil]
    }

    private let set: TileSet
    private let order: [Int]
    private let batchSize: Int
    private let seed: UInt64
    private let epoch: Int
    private let settings: AugmentationSettings
    private let threads: Int
    private let buffers: BatchBuffers

    private let free = DispatchSemaphore(value: 0)
    private let filled = DispatchSemaphore(value: 0)
    private let ended = DispatchSemaphore(value: 0)
    private let state = Mutex(State())

    init(
        set: TileSet, order: [Int], batchSize: Int, seed: UInt64, epoch: Int, settings: AugmentationSettings,
        threads: Int, buffers: BatchBuffers
    ) {
        (self.set, self.order, self.batchSize, self.seed, self.epoch) = (set, order, batchSize, seed, epoch)
        (self.settings, self.threads, self.buffers) = (settings, threads, buffers)
    }

    var count: Int { (order.count + batchSize - 1) / batchSize }

    private func tiles(of batch: Int) -> [Int] {
        Array(order[batch * batchSize..<min((batch + 1) * batchSize, order.count)])
    }

    func begin() {
        free.signal()
        free.signal()
        let thread = Thread { [self] in
            // Only a thread that runs passes its name on to the system.
            Thread.current.name = "augment"
            for batch in 0..<count {
                free.wait()
                if state.withLock({ $0.isAbandoned }) { break }
                let result = Result { () throws(KernelError) in try produce(batch) }
                state.withLock { $0.results[batch % 2] = result }
                filled.signal()
            }
            ended.signal()
        }
        thread.start()
    }

    private func produce(_ batch: Int) throws(KernelError) -> [Erasure] {
        let tiles = tiles(of: batch)
        let drawn = tiles.map { settings.draw(seed: seed, epoch: epoch, tile: $0, side: TileSet.tileSize) }
        let result = set.withPixels { bytes in
            Result { () throws(KernelError) in
                try Kernels.augment(
                    buffers.pixels[batch % 2], bytes, set.windows(of: tiles), drawn.map(\.pixels), threads: threads,
                    scratch: buffers.scratch)
            }
        }
        try result.get()
        return settings.cutout.probability > 0 ? drawn.map(\.erasure) : []
    }

    func consume(_ batch: Int, _ body: (TileBatch) throws -> Void) throws {
        filled.wait()
        let erasures = try state.withLock { $0.results[batch % 2]! }.get()
        let tiles = tiles(of: batch)
        try body(
            TileBatch(
                tiles: tiles, start: batch * batchSize, bytes: UnsafeRawBufferPointer(buffers.pixels[batch % 2]),
                windows: set.windows(of: Array(tiles.indices)), erasures: erasures))
        free.signal()
    }

    func end() {
        state.withLock { $0.isAbandoned = true }
        free.signal()
        ended.wait()
    }
}
