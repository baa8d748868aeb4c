import Glibc

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
