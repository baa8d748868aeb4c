import Foundation
import Foundations
import Testing

struct StorageTests {
    private let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "storage-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
    }

    @Test func missingFoldersAreOnTheDiskOfTheirParent() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let here = try #require(Storage(ofFile: "\(folder)/a"))
        let below = try #require(Storage(ofFile: "\(folder)/none/none/a"))
        #expect(here.device == below.device && here.freeBytes > 0)
        #expect(Storage(ofFile: "/proc/a")?.device != here.device)
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/none"))
    }

    @Test func newFoldersAreCounted() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        #expect(try Folder.ensureCounted("\(folder)/a/b") == ["\(folder)/a/b", "\(folder)/a"])
        #expect(try Folder.ensureCounted("\(folder)/a/b").isEmpty)
        try Data().write(to: URL(fileURLWithPath: "\(folder)/file"))
        #expect(throws: FileError.self) { try Folder.ensureCounted("\(folder)/file/b") }
    }

    @Test func filesAreIdentifiedByInodeNotByName() throws {
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try Data("abc".utf8).write(to: URL(fileURLWithPath: "\(folder)/a"))
        try FileManager.default.linkItem(atPath: "\(folder)/a", toPath: "\(folder)/b")
        try Data("abc".utf8).write(to: URL(fileURLWithPath: "\(folder)/c"))
        #expect(FileIdentity("\(folder)/a") == FileIdentity("\(folder)/b"))
        #expect(FileIdentity("\(folder)/a") != FileIdentity("\(folder)/c"))
        #expect(FileIdentity("\(folder)/none") == nil)
        let state = try FileState("\(folder)/a")
        #expect(state.name == "a" && state.bytes == 3)
        try Data("abc".utf8).write(to: URL(fileURLWithPath: "\(folder)/a"))
        #expect(try FileState("\(folder)/a") != state, "written again")
        let digest = try FileDigest("\(folder)/a")
        #expect(digest.bytes == 3 && digest.sha256.hasPrefix("ba7816bf") && digest.matches("\(folder)/c"))
        for text in ["ab", "abd"] {
            try Data(text.utf8).write(to: URL(fileURLWithPath: "\(folder)/c"))
            #expect(!digest.matches("\(folder)/c"))
        }
        #expect(!digest.matches("\(folder)/none") && !digest.matches(FilePath(folder)))
        #expect(throws: FileError("\(folder)/none", .unreadable, "cannot be read (No such file or directory)")) {
            try FileState("\(folder)/none")
        }
    }
}
