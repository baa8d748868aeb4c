import Foundation
import Foundations
import Imaging
import Masking
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct WindowCacheTests {
    private let work: WorkingFolder
    private var path: String { work.path + "/windows" }
    private var image: String { work.path + "/image" }

    init() throws {
        work = try WorkingFolder()
        try work.write("image", to: "image")
    }

    private struct Stop: Error {}

    private static let size = (width: 300, height: 260)
    private static let pixels = (0..<size.width * size.height * 3).map { UInt8(Formula.bits(6, $0) >> 56) }

    /// One run, canceled after some windows. The cache is closed when it returns.
    private func run(
        stopAfter: Int = .max, stride: Int = 16, model: String = "model", tissue: TissueMap? = nil, cutAt: Int? = nil,
        isEnsemble: Bool = false, precision: Precision? = nil
    ) throws -> (values: [Float], deviations: [Float], states: [WindowState], pixelsRead: Int, found: Int)? {
        let reader = ArrayBlocks(width: Self.size.width, height: Self.size.height, pixels: Self.pixels)
        reader.unreadable = [PixelRegion(x: 290, y: 250, width: 1, height: 1)]
        do {
            let predictor =
                try precision.map(smallCompactPredictor)
                ?? smallPredictor(stride: stride, isEnsemble: isEnsemble)
            let plan = try predictor.plan(reader, tissue: tissue)
            let identity = try WindowCache.Identity(
                image: ImageState(FilePath(image)), model: model, windows: plan.grid.count, layout: plan.fingerprint)
            let cache = try WindowCache(FilePath(path), identity, blocks: plan.blocks.count, hasDeviations: isEnsemble)
            let observer = RecordingObserver { progress in
                if let cutAt { truncate(path, cutAt) }
                if progress.done > stopAfter { throw Stop() }
            }
            let result = try predictor.predict(plan, from: reader, into: cache, observer).windows
            let states = (0..<result.grid.count).map { result.store.state($0) }
            let deviations = (0..<result.grid.count).map { result.store.deviation($0) }
            return (Array(result.values), deviations, states, reader.pixelsRead, cache.blocksFound)
        } catch is Stop {
            return nil
        }
    }

    @Test func canceledEnsemblesResumeWithTheSameBits() throws {
        let whole = try #require(try run(isEnsemble: true))
        #expect(whole.found == 0 && whole.deviations.contains { $0 > 0 })
        try FileManager.default.removeItem(atPath: path)
        for stop in [60, 200] { #expect(try run(stopAfter: stop, isEnsemble: true) == nil) }
        let resumed = try #require(try run(isEnsemble: true))
        #expect(resumed.found > 0)
        #expect(
            resumed.values == whole.values && resumed.deviations == whole.deviations
                && resumed.states == whole.states)
    }

    @Test func canceledRunsResumeWithTheSameBits() throws {
        let whole = try #require(try run())
        #expect(whole.found == 0 && whole.states.contains(.unreadable))
        // With a complete cache, only the block with unreadable windows is read again.
        let again = try #require(try run())
        #expect(again.values == whole.values && again.states == whole.states)
        #expect(again.pixelsRead > 0 && again.pixelsRead < whole.pixelsRead / 8)
        try FileManager.default.removeItem(atPath: path)
        for stop in [60, 120, 121, 200] { #expect(try run(stopAfter: stop) == nil) }
        let resumed = try #require(try run())
        #expect(resumed.values == whole.values && resumed.states == whole.states)
        #expect(resumed.found > 4 && resumed.pixelsRead < whole.pixelsRead)
    }

    @Test func damagedBlocksAreComputedAgain() throws {
        let whole = try #require(try run())
        var bytes = try Data(contentsOf: URL(fileURLWithPath: path))
        // The probability of one window, and the state of another. Header and checksums have a page each.
        for place in [2 * 4096 + 40, 2 * 4096 + 4 * whole.values.count + 3] { bytes[place] ^= 0x41 }
        try bytes.write(to: URL(fileURLWithPath: path))
        let repaired = try #require(try run())
        #expect(repaired.values == whole.values && repaired.states == whole.states && repaired.pixelsRead > 0)
        #expect(repaired.pixelsRead < whole.pixelsRead)
    }

    /// Another program may cut the file short while it is in use.
    @Test func filesCutShortInUseLoseOnlyTheirBlocks() throws {
        let whole = try #require(try run())
        try FileManager.default.removeItem(atPath: path)
        for stop in [60, 150, 200] { #expect(try run(stopAfter: stop, cutAt: 5000) == nil) }
        let last = try #require(try run(cutAt: 0))
        #expect(last.values == whole.values && last.states == whole.states)
        let again = try #require(try run())
        #expect(again.values == whole.values && again.states == whole.states)
    }

    @Test func otherIdentitiesResetTheCache() throws {
        let whole = try #require(try run())
        let stride = try #require(try run(stride: 32))
        #expect(stride.found == 0 && stride.values.count < whole.values.count)
        #expect(try run()?.found == 0)
        #expect(try run(model: "another")?.found == 0)
        #expect(try run(model: "another")?.found ?? 0 > 0)
        // Last bits depend on the instruction set.
        let blocks = try run(model: "another")?.found
        let best = Kernels.instructions
        try Kernels.setInstructions(.portable)
        #expect(try run(model: "another")?.found == (best == .portable ? blocks : 0))
        try Kernels.setInstructions(.any)
        #expect(Kernels.instructions != .any)
        let tissue = TissueMap(
            imageWidth: 300, imageHeight: 260, width: 2, height: 1, isTissue: [true, false])
        let half = try #require(try run(model: "another", tissue: tissue))
        #expect(half.found == 0 && half.states.contains(.background))
        #expect(try run(model: "another", tissue: tissue)?.states == half.states)
        try Data("other".utf8).write(to: URL(fileURLWithPath: image))
        #expect(try run(model: "another", tissue: tissue)?.found == 0)
        // A truncated file.
        #expect(try run()?.values == whole.values)
        #expect(truncate(path, 5000) == 0)
        let restarted = try #require(try run())
        #expect(restarted.found == 0 && restarted.values == whole.values)
    }

    @Test func anotherPrecisionResetsTheCache() throws {
        let fixed = try #require(try run(precision: .int16))
        let floats = try #require(try run(precision: .float32))
        #expect(floats.found == 0 && floats.values != fixed.values)
        #expect(try run(precision: .float32)?.found ?? 0 > 0)
        for stop in [60, 200] { #expect(try run(stopAfter: stop, precision: .int16) == nil) }
        let resumed = try #require(try run(precision: .int16))
        #expect(resumed.found > 0 && resumed.values == fixed.values)
    }

    @Test func otherFilesAreNotReplaced() throws {
        let folder = NSTemporaryDirectory() + "cache-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let (path, notes) = (folder + "/notes", "nothing about windows\n")
        try notes.write(toFile: path, atomically: false, encoding: .utf8)
        let identity = try WindowCache.Identity(image: ImageState(FilePath(path)), model: "m", windows: 10, layout: "l")
        let error = #expect(throws: FileError.self) { _ = try WindowCache(FilePath(path), identity, blocks: 3) }
        #expect(error?.problem == "expected a window cache, found another file")
        #expect(try String(contentsOfFile: path, encoding: .utf8) == notes)
        // An empty file may be left by a killed run. Only a file of another identity counts as reset.
        let own = folder + "/own"
        #expect(FileManager.default.createFile(atPath: own, contents: nil))
        #expect(try !WindowCache(FilePath(own), identity, blocks: 3).wasReset)
        #expect(try !WindowCache(FilePath(own), identity, blocks: 3).wasReset)
        #expect(try WindowCache(FilePath(own), identity, blocks: 2).wasReset)
        // Space that was reserved, but whose header was never written to disk.
        try Data(count: 12288).write(to: URL(fileURLWithPath: own))
        #expect(try WindowCache(FilePath(own), identity, blocks: 3).completeBlocks == 0)
        #expect(try !WindowCache(FilePath(own), identity, blocks: 3).wasReset)
    }

    @Test func oneProcessAtATime() throws {
        let identity = try WindowCache.Identity(
            image: ImageState(FilePath(image)), model: "m", windows: 10, layout: "l")
        let first = try WindowCache(FilePath(path), identity, blocks: 3)
        #expect(first.byteCount == 3 * 4096)
        let size = try FileManager.default.attributesOfItem(atPath: path)[.size] as? Int
        #expect(size == first.byteCount)
        #expect(
            throws: FileError(
                path, .busy, "expected a file that is not in use, found it locked by another process")
        ) { _ = try WindowCache(FilePath(path), identity, blocks: 3) }
        first.remove()
        #expect(!FileManager.default.fileExists(atPath: path))
        #expect(throws: FileError.self) {
            _ = try WindowCache(FilePath(work.path + "/none/windows"), identity, blocks: 3)
        }
    }
}
