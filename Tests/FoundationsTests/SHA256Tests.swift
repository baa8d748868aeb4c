import Foundation
import Foundations
import TestSupport
import Testing

struct SHA256Tests {
    /// Test vectors of FIPS 180-4.
    @Test func testVectors() {
        for (text, digest) in [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"
            ),
        ] {
            #expect(Array(text.utf8).withUnsafeBytes { SHA256.digest(of: $0) } == digest)
        }
    }

    /// Lengths around the block size, in pieces of several sizes, compared with sha256sum.
    @Test func piecesAddUp() throws {
        let bytes = (0..<300).map { UInt8(truncatingIfNeeded: $0 * 7 + 3) }
        let path = FilePath(NSTemporaryDirectory()).appending("bytes-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        for length in [1, 54, 55, 56, 57, 63, 64, 65, 119, 120, 128, 300] {
            let whole = bytes.prefix(length)
            let digest = Array(whole).withUnsafeBytes { SHA256.digest(of: $0) }
            for piece in [1, 3, 63, 64, 65] {
                let hash = SHA256()
                for start in stride(from: 0, to: length, by: piece) {
                    whole[start..<min(length, start + piece)].withUnsafeBytes { hash.update($0) }
                }
                #expect(hash.digest() == digest)
            }
            try Data(whole).write(to: URL(fileURLWithPath: path.string))
            #expect(try SHA256.digest(ofFile: path) == digest)
            if let tool = OutsideTool("sha256sum") { #expect(try tool.run(path.string).output.hasPrefix(digest)) }
        }
    }

    @Test func filesThatCannotBeRead() {
        #expect(throws: FileError("nowhere" as FilePath, .unreadable, "cannot be read (No such file or directory)")) {
            try SHA256.digest(ofFile: "nowhere")
        }
        #expect(throws: FileError("/tmp" as FilePath, .unreadable, "cannot be read (Is a directory)")) {
            try SHA256.digest(ofFile: "/tmp")
        }
    }
}

struct ScratchFileTests {
    @Test func aScratchFileHasNoName() throws {
        let folder = NSTemporaryDirectory() + "scratch-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let file = try ScratchFile(beside: "\(folder)/a.tif")
        #expect(write(file.fileDescriptor, "abc", 3) == 3 && lseek(file.fileDescriptor, 0, SEEK_END) == 3)
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder).isEmpty)
        let nowhere: FilePath = "\(folder)/none/a.tif"
        #expect(throws: FileError(nowhere, .unwritable, "cannot be written (No such file or directory)")) {
            _ = try ScratchFile(beside: nowhere)
        }
    }
}
