import Foundations
import Tensors

/// The memory of the class maps of one batch.
final class ClassMapBatch {
    private let set: TileSet
    private let memory: UnsafeMutableRawBufferPointer

    init(_ set: TileSet, batchSize: Int) {
        self.set = set
        memory = .allocate(byteCount: batchSize * set.target.mapBytes, for: "class maps")
        // Pages that no batch fills would be undefined.
        memory.initializeMemory(as: UInt8.self, repeating: PixelClass.ignored)
    }

    deinit { memory.deallocate() }

    /// The maps of the first tiles, one after another.
    func classes(ofFirst count: Int) -> UnsafeBufferPointer<UInt8> {
        UnsafeBufferPointer(
            UnsafeMutableRawBufferPointer(rebasing: memory[..<(count * set.target.mapBytes)]).assumingMemoryBound(
                to: UInt8.self))
    }

    /// Fills the maps of some tiles. `geometries` move them like the pixels of each; nil leaves them as they are. A white
    /// border is background.
    func fill(
        _ tiles: [Int], _ targets: PixelTargets, moved geometries: [TileAugmentation.Geometry]?
    ) throws(KernelError) {
        let (side, count) = (set.side, set.target.mapBytes)
        for (position, tile) in tiles.enumerated() {
            let target = UnsafeMutableRawBufferPointer(rebasing: memory[position * count..<(position + 1) * count])
            func copy(_ map: UnsafeRawBufferPointer) throws(KernelError) {
                guard let geometries else { return target.copyMemory(from: map) }
                var moved = target.mutableBytes
                try Kernels.moveMap(
                    &moved, map.bytes, height: side, width: side, geometries[position],
                    outside: PixelClass.background.rawValue)
            }
            if let map = set.classMap(of: tile) {
                try copy(map)
            } else if let map = targets.maps[tile] {
                try map.span.bytes.withUnsafeBytes(copy)
            } else {
                let isBackground = targets.truth(of: tile, in: set) == .absent
                let value = isBackground ? PixelClass.background.rawValue : PixelClass.ignored
                target.initializeMemory(as: UInt8.self, repeating: value)
            }
        }
    }
}
