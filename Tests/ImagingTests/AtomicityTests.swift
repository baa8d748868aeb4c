import Foundation
import Foundations
import Imaging
import Testing

/// Image files appear whole or not at all.
@Suite struct AtomicityTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private static let makers: [@Sendable (FilePath) throws -> any RowWriter] = [
        { try PNGWriter(path: $0, width: 64, height: 64, channels: .rgb) },
        { try PNGWriter(path: $0, width: 64, height: 64, channels: .gray) },
        { try PNGWriter(path: $0, width: 64, height: 64, channels: .gray, bits: 1) },
        { try JPEGWriter(path: $0, width: 64, height: 64) },
        { try TIFFWriter(path: $0, width: 64, height: 64, samples: .rgb) },
        { try TIFFWriter(path: $0, width: 64, height: 64, samples: .gray, tile: 16) },
    ]

    @Test(arguments: makers.indices) func abandoned(_ index: Int) throws {
        let path = folder.file("a")
        do {
            let writer = try Self.makers[index](path)
            let rows = [UInt8](repeating: 7, count: writer.bytesPerRow * 10)
            try writer.write(rows: rows.span.bytes, count: 10)
            #expect(folder.names.count == 1 && folder.names != ["a"], "only the temporary file while writing")
        }
        #expect(folder.names.isEmpty)
    }

    @Test(arguments: makers.indices) func existingFileSurvivesAnAbandonedWrite(_ index: Int) throws {
        let path = try folder.file("a", [1, 2, 3])
        do { _ = try Self.makers[index](path) }
        #expect(try contents(path) == [1, 2, 3])
        #expect(folder.names == ["a"])
    }

    @Test(arguments: makers.indices) func completeWithoutFinishIsNothing(_ index: Int) throws {
        do {
            let writer = try Self.makers[index](folder.file("a"))
            let rows = [UInt8](repeating: 7, count: writer.bytesPerRow * 64)
            try writer.write(rows: rows.span.bytes, count: 64)
        }
        #expect(folder.names.isEmpty)
    }

    @Test func noSuchFolder() {
        let path = folder.file("none/a.png")
        let error = fileError { _ = try openImageForWriting(path, width: 2, height: 2) }
        #expect(error == FileError(path, .unwritable, "cannot be written (No such file or directory)"))
    }
}

#if os(Linux)
    extension AtomicityTests {
        /// Redirects the writer's descriptors to /dev/full, where every write fails as on a full disk.
        private func fillDisk() throws {
            let full = open("/dev/full", O_WRONLY)
            defer { close(full) }
            var replaced = 0
            for name in try FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd") {
                let target = (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/fd/\(name)")) ?? ""
                if target.hasPrefix(folder.path.string) {
                    #expect(dup2(full, Int32(name)!) >= 0)
                    replaced += 1
                }
            }
            // A pyramid has scratch files too.
            try #require(replaced >= 1)
        }

        @Test(arguments: makers.indices) func fullDiskAtTheEnd(_ index: Int) throws {
            let path = folder.file("a")
            do {
                let writer = try Self.makers[index](path)
                try fillDisk()
                let rows = [UInt8](repeating: 7, count: writer.bytesPerRow * 64)
                let error = fileError { try write(rows, to: writer) }
                #expect(error == FileError(path, .unwritable, "cannot be written (No space left on device)"))
                #expect(fileError { try writer.finish() } == error, "a failure is final")
            }
            #expect(folder.names.isEmpty)
        }

        @Test func fullDiskWhileWriting() throws {
            let path = folder.file("a")
            do {
                let writer = try PNGWriter(path: path, width: 300, height: 900, channels: .rgb, compressionLevel: 0)
                try fillDisk()
                let rows = pattern(300, 100).pixels
                let error = fileError {
                    for _ in 0..<9 { try writer.write(rows: rows.span.bytes, count: 100) }
                }
                #expect(error == FileError(path, .unwritable, "cannot be written (No space left on device)"))
                #expect(writer.nextRow < 900)
            }
            #expect(folder.names.isEmpty)
        }
    }
#endif
