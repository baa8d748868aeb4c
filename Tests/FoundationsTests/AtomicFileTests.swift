import FoundationEssentials
import Foundations
import Glibc
// All files of this module use the temporary folders.
@_exported import TestSupport
import Testing

struct AtomicFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func filesAppearWhenTheyAreCommitted() throws {
        try folder.file("a", "old")
        do {
            let file = try AtomicFile(folder.file("a"))
            try file.write(Data("ne".utf8))
            try file.write(Data("w".utf8))
            #expect(try folder.text("a") == "old" && folder.names.count == 2)
            try file.commit()
            #expect(file.fileDescriptor == -1)
        }
        #expect(try folder.text("a") == "new" && folder.names == ["a"])
    }

    @Test func filesAppearTogether() throws {
        struct Full: Error {}
        try folder.file("a", "old")
        #expect(throws: Full.self) {
            try AtomicFile.together {
                try AtomicFile.write("new", to: folder.file("a"))
                try AtomicFile.write("new", to: folder.file("b"))
                throw Full()
            } beforeAny: {
                Issue.record("nothing is complete")
            }
        }
        #expect(try folder.text("a") == "old" && folder.names == ["a"])
        var before = [String]()
        try AtomicFile.together {
            try AtomicFile.write("new", to: folder.file("a"))
            try AtomicFile.write("newer", to: folder.file("b"))
        } beforeAny: {
            before = folder.names.filter { !$0.hasPrefix(".") }
        }
        #expect(before == ["a"] && folder.names.sorted() == ["a", "b"])
        #expect(try folder.text("a") == "new" && folder.text("b") == "newer")
        try AtomicFile.write("last", to: folder.file("a"))
        #expect(try folder.text("a") == "last", "files appear at once again")
    }

    @Test func filesThatAreNotCommittedLeaveNothing() throws {
        try folder.file("a", "old")
        do {
            let file = try AtomicFile(folder.file("a"))
            try file.write(Data("new".utf8))
        }
        #expect(try folder.text("a") == "old" && folder.names == ["a"])
    }

    @Test func twoWritersOfOneFileAreIndependent() throws {
        let (first, second) = (try AtomicFile(folder.file("a")), try AtomicFile(folder.file("a")))
        try first.write(Data("first".utf8))
        try second.write(Data("2".utf8))
        try second.commit()
        #expect(try folder.text("a") == "2")
        try first.commit()
        #expect(try folder.text("a") == "first" && folder.names == ["a"])
    }

    @Test func symbolicLinksKeepPointingAtTheFile() throws {
        try Folder.make(folder.file("real"))
        try folder.file("real/a", "old")
        #expect(symlink("real/a", folder.file("link").string) == 0)
        try AtomicFile.write("new", to: folder.file("link"))
        #expect(try folder.text("real/a") == "new" && Folder.names(in: folder.file("real")) == ["a"])
        #expect(folder.file("link").resolved == folder.file("real/a").resolved && folder.names == ["link", "real"])
        // A link to nothing is replaced.
        #expect(symlink("none", folder.file("broken").string) == 0)
        try AtomicFile.write("b", to: folder.file("broken"))
        #expect(try folder.text("broken") == "b" && !folder.file("none").exists)
    }

    /// Processes on other hosts and in containers may have the same numbers.
    @Test func temporaryNamesAreUnique() throws {
        #expect(Set((0..<1000).map { _ in UniqueName.next() }).count == 1000)
        #expect(UniqueName.next().allSatisfy { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") })
        let file = try AtomicFile(folder.file("a"))
        #expect(folder.names.count == 1 && folder.names[0].hasPrefix(".a.partial-"))
        #expect(!folder.names[0].contains("-\(getpid())-"))
        try file.commit()
        let long = String(repeating: "é", count: 124)
        try AtomicFile.write("long", to: folder.file(long))
        #expect(folder.names == ["a", long])
    }

    @Test func foldersDevicesAndMissingFoldersAreRefused() throws {
        #expect(
            fileError { _ = try AtomicFile(folder.path) }
                == FileError(folder.path, .unwritable, "expected a file to write, found a folder"))
        #expect(
            fileError { _ = try AtomicFile("/dev/null") }
                == FileError("/dev/null" as FilePath, .unwritable, "expected a file to write, found a device or pipe"))
        let nowhere = folder.file("none/a")
        #expect(
            fileError { _ = try AtomicFile(nowhere) }
                == FileError(nowhere, .unwritable, "cannot be written (No such file or directory)"))
    }

    @Test func leftoversOfKilledProcessesAreRemoved() throws {
        for name in [".a.partial-1", ".a.partial-1-7", ".b.partial-1-7", ".a.other", "a", "a.partial-1"] {
            try folder.file(name, "x")
        }
        let file = try AtomicFile(folder.file("a"))
        AtomicFile.removeLeftovers(of: folder.file("a"))
        #expect(
            folder.names.filter { !$0.hasPrefix(".a.partial-") } == [".a.other", ".b.partial-1-7", "a", "a.partial-1"])
        #expect(folder.names.count == 5, "a file that is open is no leftover")
        try file.write(Data("still there".utf8))
        try file.commit()
        #expect(try folder.text("a") == "still there")
        AtomicFile.removeLeftovers(in: folder.path)
        #expect(folder.names == [".a.other", "a", "a.partial-1"])
    }

    /// Another process writes the same file.
    @Test func filesInUseAreNoLeftovers() throws {
        let name = ".a.partial-1-1"
        try folder.file(name, "x")
        let file = try FileDescriptor.open(folder.file(name), .readWrite)
        #expect(flock(file.rawValue, LOCK_EX) == 0)
        AtomicFile.removeLeftovers(of: folder.file("a"))
        #expect(folder.names == [name])
        try file.close()
        AtomicFile.removeLeftovers(of: folder.file("a"))
        #expect(folder.names.isEmpty)
    }

    @Test func permissionsAreKept() throws {
        for mode: UInt32 in [0o600, 0o664, 0o400] {
            try folder.file("a", "old")
            #expect(chmod(folder.file("a").string, mode) == 0)
            try AtomicFile.write("new", to: folder.file("a"))
            #expect(try folder.text("a") == "new" && folder.file("a").stat().permissions.rawValue == mode)
            unlink(folder.file("a").string)
        }
    }

    @Test func linksAreSecondNames() throws {
        let source = try folder.file("a", "abc")
        try folder.file("b", "old")
        #expect(AtomicFile.link(source, to: folder.file("b")) && AtomicFile.areSame(source, folder.file("b")))
        #expect(AtomicFile.link(source, to: folder.file("b")), "again")
        #expect(!AtomicFile.link(folder.file("none"), to: folder.file("c")))
        #expect(!AtomicFile.link(source, to: folder.file("none/c")))
        #expect(folder.names == ["a", "b"] && !AtomicFile.areSame(source, folder.file("c")))
        try folder.file("c", "abc")
        #expect(!AtomicFile.areSame(source, folder.file("c")))
        #expect(AtomicFile.link(source, to: source))
        #expect(try folder.names == ["a", "b", "c"] && folder.text("a") == "abc")
    }

    @Test func removingTheOldFile() throws {
        try folder.file("a", "old")
        let file = try AtomicFile(folder.file("a"))
        file.removeOld()
        #expect(!folder.file("a").exists)
        try file.commit()
        #expect(try folder.text("a").isEmpty)
    }

    @Test func foldersAreLockedByOneAtATime() throws {
        do {
            let lock = try FolderLock(folder.path)
            #expect(folder.names == [".lock"])
            try Folder.requireNew(folder.path)
            #expect(
                fileError { _ = try FolderLock(folder.path) }?.problem
                    == "expected a folder that no process works in, found it locked by another process")
            withExtendedLifetime(lock) {}
        }
        _ = try FolderLock(folder.path)
        #expect(folder.names.isEmpty)
        #expect(
            fileError { _ = try FolderLock(folder.file("none")) }?.problem
                == "cannot be opened (No such file or directory)")
    }
}
