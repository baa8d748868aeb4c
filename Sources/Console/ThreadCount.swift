import Foundations
import Glibc

/// The number of threads of a process that is not told one.
package struct ThreadCount: Equatable, Sendable {
    /// The most threads that kernels take.
    package static let largest = 256

    /// 1 ... `largest`.
    package let count: Int
    /// Where the number comes from: "OMP_NUM_THREADS", "processors".
    package let source: String
    /// Variables with values that are not numbers of threads.
    package let warnings: [String]

    /// Takes OMP_NUM_THREADS, else SLURM_CPUS_PER_TASK, else `processors`, the number of processors that the process may
    /// use. OMP_NUM_THREADS can be a list with a number for each level of nesting; the first one counts.
    package init(environment: (String) -> String?, processors: @autoclosure () -> Int) {
        var warnings = [String]()
        for name in ["OMP_NUM_THREADS", "SLURM_CPUS_PER_TASK"] {
            guard let value = environment(name)?.trimmed, !value.isEmpty else { continue }
            let first = String(value.prefix { $0 != "," }).trimmed
            if let count = Int(first), count >= 1 {
                self.init(min(count, Self.largest), name, warnings)
                return
            }
            warnings.append("\(name): expected a number of threads, found \(value); ignored")
        }
        self.init(min(max(processors(), 1), Self.largest), "processors", warnings)
    }

    private init(_ count: Int, _ source: String, _ warnings: [String]) {
        (self.count, self.source, self.warnings) = (count, source, warnings)
    }

    /// The number for this process. Call `prepare` first.
    package static var usual: ThreadCount {
        _ = warned
        return found
    }

    private static let found = ThreadCount(environment: Terminal.environment, processors: Processors.available())
    private static let warned: Void = found.warnings.forEach(Terminal.warn)

    /// Finds the number and hides OMP_NUM_THREADS from the OpenMP runtime, which aborts where the value is blank and
    /// prints a warning of its own where it is not valid.
    static func prepare() {
        _ = found
        unsetenv("OMP_NUM_THREADS")
    }
}

/// Processors that this process may use.
package enum Processors {
    /// The smaller of the affinity mask and the quotas of control groups, at least 1.
    static func available() -> Int {
        max(1, min(affine, quota(root: "/sys/fs/cgroup", groups: "/proc/self/cgroup") ?? affine))
    }

    /// The number of processors in the affinity mask, which `taskset`, Slurm and containers set.
    private static var affine: Int {
        // Hexadecimal digits with commas between them.
        let mask = text("/proc/self/status")?.split(separator: "\n").first { $0.hasPrefix("Cpus_allowed:") }
        let count = mask?.drop { $0 != ":" }.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
        return count ?? sysconf(Int32(_SC_NPROCESSORS_ONLN))
    }

    /// Whole processors that the quotas of the process's control groups and of the groups above them allow; nil without
    /// a quota. Reads version 1 and 2. A quota of 2.5 is 2: a third thread would stop the others for half of the time.
    package static func quota(root: FilePath, groups: FilePath) -> Int? {
        var quotas = [Double]()
        for line in text(groups)?.split(separator: "\n") ?? [] {
            let fields = line.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false).map(String.init)
            guard fields.count == 3 else { continue }
            let controllers = fields[1].split(separator: ",")
            let folders: [FilePath]
            if fields[0] == "0", controllers.isEmpty {
                folders = [root]
            } else if controllers.contains("cpu") {
                folders = [root.appending(fields[1]), root.appending("cpu")]
            } else {
                continue
            }
            for folder in folders {
                var group = FilePath(fields[2])
                while true {
                    // In a container the path of the group may be that of the host: then only the root exists.
                    if let quota = quota(of: folder.pushing(FilePath(root: nil, group.components))) {
                        quotas.append(quota)
                    }
                    if group.components.isEmpty { break }
                    group.removeLastComponent()
                }
            }
        }
        return quotas.min().map { max(1, Int(min($0, 1e6))) }
    }

    private static func quota(of folder: FilePath) -> Double? {
        let numbers =
            (text(folder.appending("cpu.max")).map { $0.split(whereSeparator: \.isWhitespace).map(String.init) })
            ?? ["cpu.cfs_quota_us", "cpu.cfs_period_us"].compactMap { name in
                text(folder.appending(name))?.split(whereSeparator: \.isWhitespace).first.map(String.init)
            }
        // Without a quota, version 2 has "max" and version 1 has -1.
        guard numbers.count == 2, let quota = Double(numbers[0]), let period = Double(numbers[1]), quota > 0, period > 0
        else { return nil }
        return quota / period
    }

    /// The start of a small file; nil where it does not exist.
    private static func text(_ path: FilePath) -> String? {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return nil }
        return try? file.closeAfter {
            try String(unsafeUninitializedCapacity: 1 << 14) { buffer in
                try file.read(into: UnsafeMutableRawBufferPointer(buffer))
            }
        }
    }
}
