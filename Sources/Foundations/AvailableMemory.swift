import Glibc
import SystemPackage

/// Memory that this process can still take.
package enum AvailableMemory {
    /// The value of `bytes` early in the process, to compare processes.
    package static let atStart = bytes()

    /// Bytes that can be allocated without swapping and within the limits of the process and of its control groups. Nil
    /// where the system reports none of them.
    ///
    /// `process` and `groups` are the mount points of procfs and of the control groups.
    package static func bytes(process: FilePath = "/proc", groups: FilePath = "/sys/fs/cgroup") -> Int? {
        let physical = kibibytes("MemAvailable", in: "\(process)/meminfo")
        let status: FilePath = "\(process)/self/status"
        let space = limit(RLIMIT_AS).map { $0 - (kibibytes("VmSize", in: status) ?? 0) }
        let data = limit(RLIMIT_DATA).map { $0 - (kibibytes("VmData", in: status) ?? 0) }
        let memberships = (text(of: "\(process)/self/cgroup") ?? "").split(separator: "\n")
        let grouped = memberships.compactMap { available(inGroup: $0, groups) }
        return ([physical, space, data].compactMap { $0 } + grouped).min().map { max(0, $0) }
    }

    /// A limit of this process. Nil for none.
    private static func limit(_ resource: __rlimit_resource) -> Int? {
        var limit = rlimit()
        guard getrlimit(__rlimit_resource_t(resource.rawValue), &limit) == 0 else { return nil }
        // `RLIM_INFINITY` has all bits.
        return Int(exactly: limit.rlim_cur)
    }

    /// The value of a line such as "VmSize:    1234 kB", in bytes.
    private static func kibibytes(_ name: String, in path: FilePath) -> Int? {
        let lines = (text(of: path) ?? "").split(separator: "\n")
        guard let line = lines.first(where: { $0.hasPrefix("\(name):") }) else { return nil }
        return line.split(whereSeparator: { $0 == " " || $0 == "\t" }).dropFirst().first.flatMap { Int($0) }
            .map { $0 << 10 }
    }

    /// Bytes that the control group of a line "ID:CONTROLLERS:PATH" and the groups around it leave. Controllers are
    /// empty in version 2. Page cache that can be dropped is not counted as used.
    private static func available(inGroup membership: Substring, _ root: FilePath) -> Int? {
        let parts = membership.split(separator: ":", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 3, parts[1].isEmpty || parts[1].split(separator: ",").contains("memory") else {
            return nil
        }
        let isSecond = parts[1].isEmpty
        let names =
            isSecond
            ? ("memory.max", "memory.current", "inactive_file ")
            : ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ")
        let base = isSecond ? root : root.appending("memory")
        var group = FilePath(String(parts[2])).components
        var least: Int?
        while true {
            let folder = base.appending(group)
            // A limit of version 1 that is not set is close to the largest integer.
            if let limit = number(in: folder.appending(names.0)), limit < 1 << 60 {
                let statistics = (text(of: folder.appending("memory.stat")) ?? "").split(separator: "\n")
                let cache =
                    statistics.first { $0.hasPrefix(names.2) }
                    .flatMap { Int($0.dropFirst(names.2.count)) } ?? 0
                let left = limit - (number(in: folder.appending(names.1)) ?? 0) + cache
                least = min(least ?? left, left)
            }
            if group.isEmpty { return least }
            group.removeLast()
        }
    }

    /// The number in the first line of a file; nil for other words, such as "max".
    private static func number(in path: FilePath) -> Int? {
        text(of: path).flatMap { Int($0.prefix { $0 != "\n" }) }
    }

    /// The content of a small file of the kernel, whose size is reported as 0. Nil where it cannot be read.
    private static func text(of path: FilePath) -> String? {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return nil }
        defer { try? file.close() }
        var content = [UInt8]()
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        while let count = try? buffer.withUnsafeMutableBytes({ try file.read(into: $0) }), count > 0 {
            content += buffer.prefix(count)
        }
        return String(decoding: content, as: UTF8.self)
    }
}
