import Console
import Foundation
import Foundations
import Testing

struct ThreadCountTests {
    private func count(_ environment: [String: String], processors: Int = 6) -> ThreadCount {
        ThreadCount(environment: { environment[$0] }, processors: processors)
    }

    @Test func variablesComeFirst() {
        #expect(count([:]).count == 6 && count([:]).source == "processors")
        #expect(count(["SLURM_CPUS_PER_TASK": "4"]).count == 4)
        let both = count(["SLURM_CPUS_PER_TASK": "4", "OMP_NUM_THREADS": "3,2"])
        #expect(both.count == 3 && both.source == "OMP_NUM_THREADS" && both.warnings.isEmpty)
        #expect(count(["OMP_NUM_THREADS": "1000"]).count == 256 && count([:], processors: 1000).count == 256)
        #expect(count(["OMP_NUM_THREADS": " "]).source == "processors")
    }

    @Test func otherValuesAreReported() {
        for value in ["0", "-2", "many", "2.5", "99999999999999999999"] {
            let found = count(["OMP_NUM_THREADS": value, "SLURM_CPUS_PER_TASK": "5"])
            #expect(found.count == 5)
            #expect(
                found.warnings == ["OMP_NUM_THREADS: expected a number of threads, found \(value); ignored"])
        }
    }

    /// Files of control groups, and the processors that they allow.
    struct Groups: Sendable {
        let groups: String
        let files: [String: String]
        let processors: Int?

        /// Version 1: the folder of a group with its quota.
        init(v1 groups: String, _ folder: String, _ quota: String, _ processors: Int?) {
            (self.groups, self.processors) = (groups, processors)
            files = ["\(folder)/cpu.cfs_quota_us": quota, "\(folder)/cpu.cfs_period_us": "100000"]
        }

        /// Version 2.
        init(v2 groups: String, _ files: [String: String], _ processors: Int?) {
            (self.groups, self.files, self.processors) = (groups, files, processors)
        }
    }

    static let groups: [Groups] = [
        Groups(v2: "0::/a/b", ["a/b/cpu.max": "max 100000", "a/cpu.max": "250000 100000"], 2),
        Groups(v2: "0::/a/b", ["a/b/cpu.max": "50000 100000"], 1),
        Groups(v2: "0::/host/path", ["cpu.max": "300000 100000"], 3),
        Groups(v2: "0::/", ["memory.max": "max"], nil),
        Groups(v2: "0::/a", ["a/cpu.max": "nonsense"], nil),
        Groups(v1: "4:cpu,cpuacct:/a", "cpu,cpuacct/a", "400000", 4),
        Groups(v1: "4:cpu,cpuacct:/a", "cpu", "150000", 1),
        Groups(v1: "4:cpu:/a\n3:memory:/b", "cpu/a", "-1", nil),
        Groups(v1: "3:memory:/b", "cpu/b", "100000", nil),
    ]

    @Test(arguments: groups) func quotasOfControlGroups(_ groups: Groups) throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("cgroup-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: folder) }
        var files = groups.files
        files["groups"] = groups.groups
        for (name, text) in files {
            let file = folder.appendingPathComponent(name)
            try FileManager.default.createDirectory(
                at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
            try Data("\(text)\n".utf8).write(to: file)
        }
        let root = FilePath(folder.path)
        #expect(Processors.quota(root: root, groups: root.appending("groups")) == groups.processors)
    }
}
