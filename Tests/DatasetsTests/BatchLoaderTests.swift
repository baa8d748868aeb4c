import Datasets
import Foundation
import Foundations
import Tensors
import TestSupport
import Testing

@Suite(.serialized, .kernelTurns)
struct BatchLoaderTests {
    private struct Stop: Error {}

    private let set: TileSet

    init() throws {
        let folder = try DatasetFolder()
        try folder.labels("tile_id,label\n0,NUCLEI\n1,NO_NUCLEUS\n")
        for tile in 0..<7 {
            try folder.tile("tile_\(tile).png", [UInt8(tile * 30), 200, UInt8(90 + tile)], first: 255)
        }
        set = try TileSet(path: FilePath(folder.path), threads: 2)
    }

    private let order = [6, 0, 3, 1, 5, 2, 4]

    private var everything: AugmentationSettings {
        var settings = AugmentationSettings.pathology
        settings.noise.probability = 1
        settings.cutout.probability = 0.5
        return settings
    }

    private struct Copy: Equatable {
        var tiles: [Int]
        var start: Int
        var pixels: [[UInt8]]
        var erasures: [Erasure]
    }

    private func copy(_ batch: TileBatch) -> Copy {
        let count = TileSet.tileSize * TileSet.tileSize * 3
        #expect(batch.windows.rowStride == 768 && batch.windows.height == 256 && batch.windows.width == 256)
        return Copy(
            tiles: batch.tiles, start: batch.start,
            pixels: batch.windows.offsets.map { Array(batch.bytes[Int($0)..<Int($0) + count]) },
            erasures: batch.erasures)
    }

    private func batches(
        _ loader: BatchLoader, epoch: Int, _ settings: AugmentationSettings?, pause: Double = 0
    ) throws -> [Copy] {
        var result = [Copy]()
        try loader.forEachBatch(of: order, seed: 9, epoch: epoch, settings) {
            Thread.sleep(forTimeInterval: pause)
            result.append(copy($0))
        }
        return result
    }

    /// A tile augmented without a loader.
    private func direct(_ tile: Int, epoch: Int) throws -> ([UInt8], Erasure) {
        let drawn = everything.draw(seed: 9, epoch: epoch, tile: tile, side: TileSet.tileSize)
        let windows = set.windows(of: [tile])
        let scratch = Tensor([Kernels.augmentationScratchCount(windows, threads: 1)])
        var pixels = [UInt8](repeating: 0, count: 256 * 256 * 3)
        try pixels.withUnsafeMutableBytes { pixels in
            try set.withPixels {
                var augmented = pixels.mutableBytes
                try Kernels.augment(&augmented, $0.bytes, windows, [drawn.pixels], threads: 1, scratch: scratch)
            }
        }
        return (pixels, drawn.erasure)
    }

    @Test func batchesWithoutSettingsReferToTheBytesOfTheSet() throws {
        let loader = BatchLoader(set, batchSize: 3)
        var tiles = [[Int]]()
        let own = set.withPixels { $0.baseAddress! }
        try loader.forEachBatch(of: order, seed: 1, epoch: 1, nil) { batch in
            tiles.append(batch.tiles)
            #expect(batch.bytes.baseAddress == own && batch.erasures.isEmpty)
            #expect(batch.windows.offsets == set.windows(of: batch.tiles).offsets)
        }
        #expect(tiles == [[6, 0, 3], [1, 5, 2], [4]])
    }

    @Test("batches are in order and contain the results of the kernel, for any timing and number of threads")
    func batchesContainTheResultsOfTheKernel() throws {
        for epoch in [1, 2] {
            let expected = try order.map { try direct($0, epoch: epoch) }
            for (batchSize, threads, pause) in [
                (3, 1, 0), (3, 2, 0.02), (2, 3, 0), (7, 1, 0), (100, 1, 0), (1, 2, 0.01),
            ] {
                let loader = BatchLoader(set, batchSize: batchSize, threads: threads)
                let found = try batches(loader, epoch: epoch, everything, pause: pause)
                #expect(found.flatMap(\.tiles) == order)
                #expect(found.map(\.start) == Array(stride(from: 0, to: 7, by: batchSize)))
                #expect(found.dropLast().allSatisfy { $0.tiles.count == batchSize })
                #expect(found.flatMap(\.pixels) == expected.map(\.0), "\(batchSize) \(threads)")
                #expect(found.flatMap(\.erasures) == expected.map(\.1))
            }
        }
        let loader = BatchLoader(set, batchSize: 4)
        #expect(try batches(loader, epoch: 1, everything) != batches(loader, epoch: 2, everything))
        #expect(try batches(loader, epoch: 1, .reference).allSatisfy { $0.erasures.isEmpty })
    }

    @Test func allEpochsUseTheSameTwoBuffers() throws {
        let loader = BatchLoader(set, batchSize: 2)
        var places = [[UnsafeRawPointer]]()
        for epoch in 1...3 {
            var seen = [UnsafeRawPointer]()
            try loader.forEachBatch(of: order, seed: 1, epoch: epoch, .reference) { seen.append($0.bytes.baseAddress!) }
            places.append(seen)
        }
        #expect(places[0] == places[1] && places[1] == places[2])
        #expect(Set(places[0]).count == 2 && places[0][0] == places[0][2])
    }

    @Test("an error at any batch ends the epoch and its thread, and the loader remains usable")
    func abandonedEpochs() throws {
        let before = augmentingThreads
        let loader = BatchLoader(set, batchSize: 2)
        let expected = try batches(loader, epoch: 5, everything)
        for _ in 0..<20 {
            for stop in 0..<4 {
                var count = 0
                #expect(throws: Stop.self) {
                    try loader.forEachBatch(of: order, seed: 9, epoch: 5, everything) { _ in
                        if count == stop { throw Stop() }
                        count += 1
                    }
                }
            }
        }
        #expect(try batches(loader, epoch: 5, everything) == expected)
        // A thread that has ended may stay in /proc for a moment.
        for _ in 0..<200 where augmentingThreads > before { Thread.sleep(forTimeInterval: 0.01) }
        #expect(augmentingThreads <= before)
    }

    /// The number of threads of this process with the name of the loader's thread, which its OpenMP threads inherit.
    private var augmentingThreads: Int {
        let tasks = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/task")) ?? []
        return tasks.count {
            (try? String(contentsOfFile: "/proc/self/task/\($0)/comm", encoding: .utf8)) == "augment\n"
        }
    }

    @Test func theThreadIsVisibleWhileItRuns() throws {
        Thread.sleep(forTimeInterval: 0.2)  // Threads of other tests may be about to end.
        let before = augmentingThreads
        var most = 0
        try BatchLoader(set, batchSize: 1).forEachBatch(of: order, seed: 1, epoch: 1, everything) { _ in
            most = max(most, augmentingThreads)
        }
        #expect(most > before, "without this, the check for remaining threads would prove nothing")
    }

    @Test func noTilesNoBatches() throws {
        for settings in [nil, everything] {
            try BatchLoader(set, batchSize: 2).forEachBatch(of: [], seed: 1, epoch: 1, settings) { _ in
                Issue.record("an empty batch")
            }
        }
    }

    @Test func settingsOutOfRangeThrow() throws {
        var settings = everything
        settings.jpeg = .init(1, 200...200)
        let loader = BatchLoader(set, batchSize: 2)
        #expect(throws: KernelError.self) { try batches(loader, epoch: 1, settings) }
        #expect(try batches(loader, epoch: 1, everything).count == 4)
    }
    @Test func withoutClassMapsNoneAreDelivered() throws {
        for settings in [nil, everything] {
            try BatchLoader(set, batchSize: 3).forEachBatch(of: order, seed: 1, epoch: 1, settings) {
                #expect($0.classMaps.isEmpty && $0.truths.count == $0.tiles.count)
            }
        }
    }
}

@Suite(.serialized, .kernelTurns)
struct ClassMapBatchTests {
    private let set: TileSet
    private let order = [3, 0, 2, 1, 0]

    /// Tiles of 128 pixels: with outlines, without nuclei, with some nucleus, and unlabeled.
    init() throws {
        let folder = try DatasetFolder()
        try folder.labels("filename,label,mask\n0.png,,m.png\n1.png,NO_NUCLEUS,\n2.png,NUCLEI,\n3.png,,\n")
        // The image shows its mask.
        func isNucleus(_ x: Int, _ y: Int) -> Bool { (x - 40) * (x - 40) + (y - 70) * (y - 70) < 30 * 30 }
        for name in ["0.png", "1.png", "2.png", "3.png"] {
            try folder.image(name, 128, 128) { x, y in [isNucleus(x, y) ? 0 : 255, 9, UInt8(name.utf8.first!)] }
        }
        try folder.mask("m.png", 128, 128) { x, y in isNucleus(x, y) ? 5 : 0 }
        set = try TileSet(path: FilePath(folder.path), target: TileTarget(side: 128), threads: 1)
    }

    private struct Delivered {
        var truths = [PixelTruth]()
        var maps = [[UInt8]]()
        var reds = [[UInt8]]()
    }

    private func delivered(_ settings: AugmentationSettings?, batchSize: Int) throws -> Delivered {
        var result = Delivered()
        let loader = BatchLoader(set, batchSize: batchSize, wantsClassMaps: true)
        try loader.forEachBatch(of: order, seed: 4, epoch: 2, settings) { batch in
            let count = 128 * 128
            #expect(batch.classMaps.count == batch.tiles.count * count)
            result.truths += batch.truths
            for (position, offset) in batch.windows.offsets.enumerated() {
                result.maps.append(Array(batch.classMaps[position * count..<(position + 1) * count]))
                result.reds.append((0..<count).map { batch.bytes[Int(offset) + 3 * $0] })
            }
        }
        return result
    }

    @Test func mapsComeWithTheirTruth() throws {
        for batchSize in [1, 2, 5] {
            let found = try delivered(nil, batchSize: batchSize)
            #expect(found.truths == [.none, .classes, .any, .absent, .classes])
            for (index, value) in [(0, UInt8(255)), (2, 255), (3, 0)] {
                #expect(found.maps[index].allSatisfy { $0 == value })
            }
            let map = try #require(set.classMap(of: 0)).map { $0 }
            #expect(found.maps[1] == map && found.maps[4] == map && Set(map) == [0, 1, 2])
            #expect(map.indices.allSatisfy { (map[$0] != 0) == (found.reds[1][$0] == 0) })
        }
    }

    @Test func mapsMoveLikeThePixels() throws {
        for hasWhiteBorder in [false, true] {
            var settings = AugmentationSettings()
            settings.geometry = AugmentationSettings.pathology.geometry
            settings.geometry.affine = 1
            settings.geometry.hasWhiteBorder = hasWhiteBorder
            let all = try delivered(settings, batchSize: 5)
            #expect(all.truths == [.none, .classes, .any, .absent, .classes])
            #expect(all.maps[0].allSatisfy { $0 == 255 } && all.maps[3].allSatisfy { $0 == 0 })
            for index in [1, 4] {
                let (map, reds) = (all.maps[index], all.reds[index])
                let clear = map.indices.filter { [0, 255].contains(reds[$0]) }
                #expect(clear.count > 128 * 128 * 3 / 4)
                #expect(clear.allSatisfy { (map[$0] != 0) == (reds[$0] == 0) })
            }
            #expect(all.maps[1] != set.classMap(of: 0)!.map { $0 })
            #expect(try delivered(settings, batchSize: 2).maps == all.maps)
        }
    }

    /// A label that training gives a tile does not replace its outlines.
    @Test func outlinesCountMoreThanLabels() throws {
        let loader = BatchLoader(set, batchSize: 2, wantsClassMaps: true)
        for label in TileLabel.allCases {
            loader.pixelTargets.labels = [0: label]
            try loader.forEachBatch(of: [0], seed: 0, epoch: 0, nil) { batch in
                let map = try #require(set.classMap(of: 0))
                #expect(batch.truths == [.classes] && batch.classMaps.elementsEqual(map))
            }
        }
    }

    /// Maps that training gives tiles without outlines are delivered like those of outlines.
    @Test func givenMapsMoveLikeThePixels() throws {
        let loader = BatchLoader(set, batchSize: 2, wantsClassMaps: true)
        let given = (0..<128 * 128).map { UInt8([0, 1, 2, 255][$0 / 128 / 4 % 4]) }
        // The map of a tile with outlines is not replaced.
        loader.pixelTargets.maps = [2: given, 3: given, 0: given]
        var settings = AugmentationSettings()
        settings.geometry = AugmentationSettings.pathology.geometry
        for settings in [nil, settings] {
            try loader.forEachBatch(of: [3, 2, 0], seed: 4, epoch: 2, settings) { batch in
                #expect(batch.truths.allSatisfy { $0 == .classes })
                for (position, tile) in batch.tiles.enumerated() {
                    let source = tile == 0 ? set.classMap(of: 0)!.map { $0 } : given
                    var expected = source
                    if let settings {
                        let drawn = settings.draw(seed: 4, epoch: 2, tile: tile, side: 128)
                        try expected.withUnsafeMutableBytes {
                            var moved = $0.mutableBytes
                            try Kernels.moveMap(
                                &moved, source.span.bytes, height: 128, width: 128, drawn.pixels.geometry, outside: 0)
                        }
                        #expect(expected != source)
                    }
                    #expect(Array(batch.classMaps[position * 128 * 128..<(position + 1) * 128 * 128]) == expected)
                }
            }
        }
    }
}
