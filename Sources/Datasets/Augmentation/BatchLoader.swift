import Foundations
import Tensors

/// A batch of tiles. `bytes` and `classMaps` are valid only during the call that receives the batch.
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
    /// classMaps[N][side][side]: the `PixelClass` of each pixel, moved like the pixels. All `PixelClass.ignored` for tiles
    /// whose truth is `any` or `none`. Empty unless the loader was asked for class maps.
    package let classMaps: UnsafeBufferPointer<UInt8>
    /// Knowledge about the pixels of each tile.
    package let truths: [PixelTruth]
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
    private let wantsClassMaps: Bool
    /// Used from the next epoch on.
    package var pixelTargets = PixelTargets()
    /// Allocated by the first epoch with augmentation.
    private var buffers: BatchBuffers?
    /// The class maps of a batch without augmentation; allocated by the first one.
    private var unmovedMaps: ClassMapBatch?

    /// `threads` is the number of OpenMP threads that augment. One thread suffices on most machines: augmenting a batch
    /// takes a fraction of a training step, and idle threads of a larger team would take processor time from training.
    /// `wantsClassMaps` has class maps delivered too.
    package init(_ set: TileSet, batchSize: Int, threads: Int = 1, wantsClassMaps: Bool = false) {
        precondition(batchSize >= 1 && threads >= 1, "batches of \(batchSize), \(threads) threads")
        self.set = set
        self.batchSize = batchSize
        self.threads = threads
        self.wantsClassMaps = wantsClassMaps
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
        let targets = pixelTargets
        let starts = Array(stride(from: 0, to: order.count, by: batchSize))
        func tiles(_ batch: Int) -> [Int] {
            Array(order[starts[batch]..<min(starts[batch] + batchSize, order.count)])
        }
        func batch(
            _ index: Int, _ bytes: UnsafeRawBufferPointer, at places: [Int], _ erasures: [Erasure],
            _ maps: ClassMapBatch?
        ) -> TileBatch {
            let tiles = tiles(index)
            return TileBatch(
                tiles: tiles, start: starts[index], bytes: bytes, windows: set.windows(of: places), erasures: erasures,
                classMaps: maps?.classes(ofFirst: tiles.count) ?? UnsafeBufferPointer(start: nil, count: 0),
                truths: tiles.map { targets.truth(of: $0, in: set) })
        }
        guard let settings else {
            if wantsClassMaps, unmovedMaps == nil { unmovedMaps = ClassMapBatch(set, batchSize: batchSize) }
            for index in starts.indices {
                try unmovedMaps?.fill(tiles(index), targets, moved: nil)
                try set.withPixels { try body(batch(index, $0, at: tiles(index), [], unmovedMaps)) }
            }
            return
        }
        if order.isEmpty { return }
        let buffers = self.buffers ?? BatchBuffers(set, batchSize: batchSize, threads: threads, wantsClassMaps)
        self.buffers = buffers
        let prefetcher = Prefetcher(name: "augment", count: starts.count, slots: buffers.slots) {
            [set, threads] batch, slot, _ in
            let tiles = tiles(batch)
            let drawn = tiles.map { settings.draw(seed: seed, epoch: epoch, tile: $0, side: set.side) }
            try set.withPixels {
                var augmented = slot.pixels.mutableBytes
                try Kernels.augment(
                    &augmented, $0.bytes, set.windows(of: tiles), drawn.map(\.pixels), threads: threads,
                    scratch: buffers.scratch)
            }
            slot.erasures = settings.cutout.probability > 0 ? drawn.map(\.erasure) : []
            try slot.maps?.fill(tiles, targets, moved: drawn.map(\.pixels.geometry))
        }
        try prefetcher.forEach { index, slot in
            try body(
                batch(
                    index, UnsafeRawBufferPointer(slot.pixels), at: Array(tiles(index).indices), slot.erasures,
                    slot.maps))
        }
    }
}

/// One augmented batch.
private final class BatchSlot {
    let pixels: UnsafeMutableRawBufferPointer
    var erasures = [Erasure]()
    let maps: ClassMapBatch?

    init(_ set: TileSet, batchSize: Int, _ wantsClassMaps: Bool) {
        pixels = .allocate(byteCount: batchSize * set.tileBytes, for: "a batch")
        maps = wantsClassMaps ? ClassMapBatch(set, batchSize: batchSize) : nil
    }

    deinit { pixels.deallocate() }
}

/// The memory of two batches, and the scratch memory of the kernel, which only the producing thread uses.
private struct BatchBuffers {
    let slots: (BatchSlot, BatchSlot)
    let scratch: Tensor

    init(_ set: TileSet, batchSize: Int, threads: Int, _ wantsClassMaps: Bool) {
        func slot() -> BatchSlot { BatchSlot(set, batchSize: batchSize, wantsClassMaps) }
        slots = (slot(), slot())
        let windows = set.windows(of: [Int](repeating: 0, count: batchSize))
        scratch = Tensor([Kernels.augmentationScratchCount(windows, threads: threads)])
    }
}
