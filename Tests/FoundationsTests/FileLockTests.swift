import Foundation
import Foundations
import Glibc
import Synchronization
import TestSupport
import Testing

struct FileLockTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func oneProcessHasTheLock() throws {
        let (file, path) = (folder.file("a"), folder.file(".a.lock"))
        do {
            let lock = try FileLock(for: file, owner: "me")
            #expect(lock.isHeld && folder.names == [".a.lock"])
            let state = try #require(FileLock.state(of: path))
            #expect(state.owner == "me" && state.isHeld)
            #expect(
                fileError { _ = try FileLock(for: file, owner: "other") }
                    == FileError(
                        file, .busy, "expected a file that no process writes, found it locked by another process"))
            _ = try FileLock(for: folder.file("b"), owner: "other")
            #expect(try folder.text(".a.lock") == "me")
        }
        #expect(folder.names.isEmpty && FileLock.state(of: path) == nil)
    }

    @Test func longNamesHaveLocks() throws {
        let names = ["a", "b"].map { String(repeating: "\u{E9}", count: 124) + $0 + ".png" }
        let locks = try names.map { try FileLock(for: folder.file($0), owner: $0) }
        #expect(locks.allSatisfy(\.isHeld) && folder.names.count == 2)
        #expect(names.allSatisfy { FileLock.state(of: FileLock.path(for: folder.file($0)))?.owner == $0 })
        withExtendedLifetime(locks) {}
    }

    @Test func theLockOfAKilledProcessIsFree() throws {
        try folder.file(".a.lock", "someone who wrote a long text")
        let state = try #require(FileLock.state(of: folder.file(".a.lock")))
        #expect(state.owner.hasPrefix("someone") && !state.isHeld)
        do {
            let lock = try FileLock(for: folder.file("a"), owner: "me")
            #expect(try lock.isHeld && folder.text(".a.lock") == "me")
        }
        #expect(folder.names.isEmpty)
    }

    /// A look at a lock, which locks it for an instant, keeps nobody from getting it.
    @Test func aShortLockIsWaitedFor() throws {
        try folder.file(".a.lock", "")
        let file = try FileDescriptor.open(folder.file(".a.lock"), .readWrite)
        #expect(flock(file.rawValue, LOCK_SH) == 0)
        Thread.detachNewThread {
            usleep(30_000)
            try? file.close()
        }
        let lock = try FileLock(for: folder.file("a"), owner: "me", attempts: 200)
        #expect(lock.isHeld)
    }

    @Test func foldersThatCannotBeWrittenTo() {
        let file = folder.file("none/a")
        #expect(
            fileError { _ = try FileLock(for: file, owner: "") }
                == FileError(file, .unwritable, "cannot be written (No such file or directory)"))
    }

    @Test func theJobIsRecorded() {
        let none = Execution(threads: 3, instructions: "avx2", environment: ["SLURM_ARRAY_TASK_ID": "4"])
        #expect(none.slurm == nil && none.threads == 3 && none.instructions == "avx2" && !none.host.isEmpty)
        let task = Execution(
            threads: 1, instructions: "avx2",
            environment: ["SLURM_JOB_ID": "12", "SLURM_ARRAY_JOB_ID": "10", "SLURM_ARRAY_TASK_ID": "4"])
        #expect(task.slurm?.job == "12" && task.slurm?.arrayJob == "10" && task.slurm?.arrayTask == "4")
        #expect(task.slurm?.restarts == nil)
    }
}

struct StagedFileTests {
    private let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    @Test func copiesAreRemoved() throws {
        let bytes = (0..<5_000_000).map { UInt8(truncatingIfNeeded: $0 &* $0 >> 7) }
        let source = try folder.file("a.svs", bytes)
        do {
            let copy = try StagedFile(source, in: folder.file("local"))
            #expect(copy.path.lowercasedExtension == "svs" && copy.path.folder == folder.file("local"))
            let content = try FileBytes(copy.path)
            #expect(content.bytes.elementsEqual(bytes))
            let second = try StagedFile(source, in: folder.file("local"))
            #expect(Folder.names(in: folder.file("local")).count == 2, "a copy in use stays")
            withExtendedLifetime(second) {}
        }
        #expect(Folder.names(in: folder.file("local")).isEmpty)
        try folder.file("local/nuclei-stage-h-0123.svs", "of a killed process")
        try folder.file("local/other.svs", "")
        do { _ = try StagedFile(source, in: folder.file("local")) }
        #expect(Folder.names(in: folder.file("local")) == ["other.svs"])
    }

    /// Other processes look for leftovers while a copy is made and not locked yet.
    @Test func copiesStayWhileLeftoversAreRemoved() throws {
        let source = try folder.file("a.svs", "x")
        let local = folder.file("local")
        let isDone = Atomic(false)
        let missing = Atomic(0)
        DispatchQueue.concurrentPerform(iterations: 2) { role in
            if role == 0 {
                for _ in 0..<2000 {
                    guard let copy = try? StagedFile(source, in: local), FileIdentity(copy.path) != nil else {
                        missing.add(1, ordering: .relaxed)
                        continue
                    }
                }
                isDone.store(true, ordering: .relaxed)
            } else {
                while !isDone.load(ordering: .relaxed) {
                    for name in Folder.names(in: local) { TemporaryFiles.removeUnlocked(local.appending(name)) }
                }
            }
        }
        #expect(missing.load(ordering: .relaxed) == 0)
        #expect(Folder.names(in: local).isEmpty)
    }

    @Test func problems() throws {
        let source = try folder.file("a.svs", "x")
        #expect(fileError { _ = try StagedFile(folder.file("b"), in: folder.path) }?.kind == .unreadable)
        #expect(fileError { _ = try StagedFile(source, in: folder.file("a.svs")) }?.kind == .unwritable)
        #expect(folder.names == ["a.svs"])
    }
}
