import Glibc
import SystemPackage

/// Memory that this process can still have.
enum MemoryLimit {
    /// The smaller of the system's free memory and the rest of the address space that `ulimit -v` allows, in bytes. Nil
    /// where neither is known.
    static var freeBytes: Int? {
        var limit = rlimit()
        getrlimit(__rlimit_resource_t(RLIMIT_AS.rawValue), &limit)
        let pages = words("/proc/self/statm").first.flatMap { Int($0) } ?? 0
        let isLimited = limit.rlim_cur != rlim_t.max
        let space = isLimited ? max(0, Int(clamping: limit.rlim_cur) - pages * Int(getpagesize())) : nil
        let memory = words("/proc/meminfo")
        let available = memory.firstIndex(of: "MemAvailable:").flatMap { Int(memory[$0 + 1]) }.map { $0 * 1024 }
        return [space, available].compactMap { $0 }.min()
    }

    private static func words(_ path: FilePath) -> [Substring] {
        guard let file = try? FileDescriptor.open(path, .readOnly, options: .closeOnExec) else { return [] }
        defer { try? file.close() }
        var bytes = [UInt8](repeating: 0, count: 4096)
        let count = (try? bytes.withUnsafeMutableBytes { try file.read(into: $0) }) ?? 0
        return String(decoding: bytes.prefix(count), as: UTF8.self).split { $0.isWhitespace }
    }
}

extension UnsafeMutableRawBufferPointer {
    /// Memory aligned to 64 bytes, not initialized; free it with `deallocate`. Ends the process where the system refuses
    /// it. `purpose` is a noun for the message: "pixels".
    package static func allocate(byteCount: Int, for purpose: @autoclosure () -> String) -> Self {
        guard let memory = aligned_alloc(64, Swift.max(64, (byteCount + 63) / 64 * 64)) else {
            AbnormalEnd.outOfMemory(for: purpose(), bytes: byteCount)
        }
        return UnsafeMutableRawBufferPointer(start: memory, count: byteCount)
    }
}
