import Foundations
import Tensors

/// A batch of tiles. `bytes` is valid only during the call that receives the batch.
package struct TileBatch {
    /// Indices of the tiles in their set.
    package let tiles: [Int]
    /// The position of the first tile in the order of the epoch.
    package let start: Int
    /// The pixels of the tiles, interleaved RGB, at the positions `windows`.
    package let bytes: UnsafeRawBufferPointer
    package let windows: PixelWindows
    /// One erasure per tile, to apply to the normalized planes. Empty when the settings have no cutout.
    package let erasures: [Erasure]
}

/// Delivers the tiles of an epoch in batches. Augments the next batch on its own thread while the caller works on the
/// current one.
///
/// The two buffers are allocated once. Use a loader from one thread, for one epoch at a time. The content of a batch
/// depends on the arguments only, not on timing.
package final class BatchLoader {
    private let set: TileSet
    private let batchSize: Int
    private let threads: Int
    /// Allocated by the first epoch with augmentation.
    private var buffers: BatchBuffers?

    /// `threads` is the number of OpenMP threads that augment. One thread suffices on most machines: augmenting a batch
    /// takes a fraction of a training step, and idle threads of a larger team would take processor time from training.
    package init(_ set: TileSet, batchSize: Int, threads: Int = 1) {
        precondition(batchSize >= 1 && threads >= 1, "batches of \(batchSize), \(threads) threads")
        self.set = set
        self.batchSize = batchSize
        self.threads = threads
    }

    /// Calls `body` with the batches of one epoch in order; the last one may be smaller. Without settings, batches
    /// refer to the bytes of the set itself.
    ///
    /// An error of `body` ends the epoch. The augmenting thread has ended when this function returns or throws. Throws
    /// `KernelError` for settings out of range.
    package func forEachBatch(
        of order: [Int], seed: UInt64, epoch: Int, _ settings: AugmentationSettings?,
        _ body: (TileBatch) throws -> Void
    ) throws {
        let starts = Array(stride(from: 0, to: order.count, by: batchSize))
        func tiles(_ batch: Int) -> [Int] {
            Array(order[starts[batch]..<min(starts[batch] + batchSize, order.count)])
        }
        guard let settings else {
            for (batch, start) in starts.enumerated() {
                let tiles = tiles(batch)
                try set.withPixels {
                    try body(
                        TileBatch(tiles: tiles, start: start, bytes: $0, windows: set.windows(of: tiles), erasures: []))
                }
            }
            return
        }
        if order.isEmpty { return }
        let buffers = self.buffers ?? BatchBuffers(set, batchSize: batchSize, threads: threads)
        self.buffers = buffers
        let prefetcher = Prefetcher(name: "augment", count: starts.count, slots: buffers.slots) {
            [set, threads] batch, slot, _ in
            let tiles = tiles(batch)
            let drawn = tiles.map { settings.draw(seed: seed, epoch: epoch, tile: $0, side: TileSet.tileSize) }
            try set.withPixels {
                try Kernels.augment(
                    slot.pixels, $0, set.windows(of: tiles), drawn.map(\.pixels), threads: threads,
                    scratch: buffers.scratch)
            }
            slot.erasures = settings.cutout.probability > 0 ? drawn.map(\.erasure) : []
        }
        try prefetcher.forEach { batch, slot in
            let tiles = tiles(batch)
            try body(
                TileBatch(
                    tiles: tiles, start: starts[batch], bytes: UnsafeRawBufferPointer(slot.pixels),
                    windows: set.windows(of: Array(tiles.indices)), erasures: slot.erasures))
        }
    }
}

/// One augmented batch.
private final class BatchSlot {
    let pixels: UnsafeMutableRawBufferPointer
    var erasures = [Erasure]()

    init(batchSize: Int) { pixels = .allocate(byteCount: batchSize * TileSet.tileBytes, for: "a batch") }

    deinit { pixels.deallocate() }
}

/// The memory of two batches, and the scratch memory of the kernel, which only the producing thread uses.
private struct BatchBuffers {
    let slots: (BatchSlot, BatchSlot)
    let scratch: Tensor

    init(_ set: TileSet, batchSize: Int, threads: Int) {
        slots = (BatchSlot(batchSize: batchSize), BatchSlot(batchSize: batchSize))
        let windows = set.windows(of: [Int](repeating: 0, count: batchSize))
        scratch = Tensor([Kernels.augmentationScratchCount(windows, threads: threads)])
    }
}
