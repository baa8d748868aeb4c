import Foundation
import Foundations
import Imaging
import Masking
import TestSupport
import Testing

struct NucleusStoreTests {
    private let folder: TemporaryFolder
    private var path: FilePath { folder.file("nuclei") }

    init() throws {
        folder = try TemporaryFolder()
        try folder.file("image", "image")
    }

    private func open(model: String = "m", blocks: Int = 6) throws -> NucleusStore {
        let identity = try NucleusStore.Identity(
            image: ImageState(folder.file("image")), model: model, blocks: blocks, layout: "l")
        return try NucleusStore(path, identity)
    }

    /// Blocks with some nuclei, an empty one, one outside, and one with damage.
    private static let contents: [NucleusBlock] = {
        let sample = SampleImage(
            width: 150, height: 100, SampleImage.random(seed: 4, count: 60, width: 150, height: 100))
        var blocks = sample.blocks(core: 50, margin: 40, scale: 2).nuclei.map { NucleusBlock(nuclei: $0) }
        blocks[2] = NucleusBlock()
        blocks[3] = NucleusBlock(isOutside: true)
        blocks[5].unreadable = [PixelRegion(x: 200, y: 100, width: 30, height: 1)]
        return blocks
    }()

    @Test func blocksAreReadAsTheyWereWritten() throws {
        let store = try open()
        #expect(!store.wasReset && store.blocksFound == 0)
        try #require(Self.contents[0].nuclei.count > 2)
        // In any order.
        for block in [4, 0, 5, 2, 1, 3] {
            #expect(!store.contains(block))
            try store.append(Self.contents[block], as: block)
        }
        for block in 0..<6 { #expect(try store.block(block) == Self.contents[block]) }
        #expect(store.completeBlocks == 5)
        store.remove()
        #expect(!path.exists)
        #expect(try store.block(4) == Self.contents[4])
    }

    @Test func interruptedRunsContinue() throws {
        do {
            let store = try open()
            for block in [1, 5, 0] { try store.append(Self.contents[block], as: block) }
        }
        let store = try open()
        // The damaged block is computed again.
        #expect(store.blocksFound == 2 && !store.wasReset && !store.contains(5) && !store.contains(4))
        for block in [2, 3, 4, 5] { try store.append(Self.contents[block], as: block) }
        for block in 0..<6 { #expect(try store.block(block) == Self.contents[block]) }
    }

    @Test func onlyDamagedBlocksAreLost() throws {
        var ends = [Int]()
        do {
            let store = try open()
            for block in [0, 1, 4] {
                try store.append(Self.contents[block], as: block)
                ends.append(store.byteCount)
            }
        }
        let whole = try Data(contentsOf: URL(fileURLWithPath: path.string))
        func found(_ bytes: Data) throws -> [Int] {
            try bytes.write(to: URL(fileURLWithPath: path.string))
            let store = try open()
            let found = (0..<6).filter(store.contains)
            for block in found { #expect(try store.block(block) == Self.contents[block]) }
            // The rest can be written again.
            for block in 0..<6 where !found.contains(block) { try store.append(Self.contents[block], as: block) }
            for block in 0..<6 { #expect(try store.block(block) == Self.contents[block]) }
            return found
        }
        #expect(try found(whole) == [0, 1, 4])
        // A byte of a block, and of the header of a block: what follows cannot be found.
        var bytes = whole
        bytes[ends[0] + 100] ^= 1
        #expect(try found(bytes) == [0, 4])
        bytes = whole
        bytes[ends[0] + 9] ^= 1
        #expect(try found(bytes) == [0])
        // Cut short: inside a block, inside its header, and at its end.
        #expect(try found(whole[..<(ends[1] - 1)]) == [0])
        #expect(try found(whole[..<(ends[0] + 10)]) == [0])
        #expect(try found(whole[..<ends[1]]) == [0, 1])
        #expect(try found(whole + Data(count: 5000)) == [0, 1, 4])
        #expect(try found(Data(count: 5000)) == [])
    }

    @Test func damageInUseIsAnError() throws {
        let store = try open()
        try store.append(Self.contents[0], as: 0)
        #expect(truncate(path.string, 4200) == 0)
        let error = #expect(throws: FileError.self) { _ = try store.block(0) }
        #expect(error?.problem == "expected the nuclei of block 0 as they were written, found others")
    }

    @Test func otherIdentitiesAndFilesAreKeptApart() throws {
        do { try open().append(Self.contents[0], as: 0) }
        #expect(try open().blocksFound == 1)
        #expect(try open(model: "other").wasReset)
        #expect(try open().blocksFound == 0)
        // Windows of another model in a file of the same name are reset, as are nuclei by windows.
        let identity = try WindowCache.Identity(
            image: ImageState(folder.file("image")), model: "m", windows: 10, layout: "l")
        do { #expect(try WindowCache(path, identity, blocks: 3).wasReset) }
        #expect(try open().wasReset)
        try folder.file("nuclei", "nothing about nuclei\n")
        let error = #expect(throws: FileError.self) { _ = try open() }
        #expect(error?.problem == "expected a cache of nuclei, found another file")
        #expect(try folder.text("nuclei") == "nothing about nuclei\n")
    }

    @Test func oneProcessAtATime() throws {
        let first = try open()
        #expect(
            throws: FileError(
                path, .busy, "expected a file that is not in use, found it locked by another process")
        ) {
            _ = try open()
        }
        _ = first
    }
}
