import Foundations
import Testing

struct AvailableMemoryTests {
    /// A copy of the files of the kernel that are read.
    private func system(_ files: [(String, String)]) throws -> TemporaryFolder {
        let folder = try TemporaryFolder()
        for (name, text) in files {
            try Folder.ensure(folder.file(name).folder)
            try folder.file(name, text)
        }
        return folder
    }

    private func bytes(_ folder: TemporaryFolder) -> Int? {
        AvailableMemory.bytes(process: folder.file("proc"), groups: folder.file("groups"))
    }

    @Test func theSmallestLimitCounts() throws {
        let memory = ("proc/meminfo", "MemTotal:  9000 kB\nMemAvailable:    8000 kB\n")
        #expect(try bytes(system([memory])) == 8000 << 10)
        #expect(
            try bytes(
                system([
                    memory, ("proc/self/cgroup", "0::/a/b\n"), ("groups/a/memory.max", "5000000\n"),
                    ("groups/a/memory.current", "3000000\n"), ("groups/a/memory.stat", "anon 7\ninactive_file 1000\n"),
                    ("groups/a/b/memory.max", "max\n"), ("groups/a/b/memory.current", "10\n"),
                ])) == 2_001_000)
        #expect(
            try bytes(
                system([
                    memory, ("proc/self/cgroup", "5:cpu,memory:/a\n3:pids:/\n"),
                    ("groups/memory/a/memory.limit_in_bytes", "4000\n"),
                    ("groups/memory/a/memory.usage_in_bytes", "9000\n"),
                    ("groups/memory/memory.limit_in_bytes", "9223372036854771712\n"),
                ])) == 0)
        #expect(try bytes(system([("other", "")])) == nil)
        #expect(AvailableMemory.bytes() ?? 1 > 0)
    }
}
