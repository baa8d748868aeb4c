import Foundations
import Glibc

/// Row-major array of Float32 in native memory aligned to 64 bytes.
///
/// A tensor owns its memory, or is a view that keeps the owner alive. Kernels work on it in place; there is no copy on
/// write. Not safe for concurrent use.
package final class Tensor {
    package let shape: Shape
    private let base: UnsafeMutablePointer<Float>
    private let owner: AnyObject?
    /// Size of an anonymous mapping; 0 for other memory.
    private var mappedBytes: Int

    /// A new tensor of zeros.
    package init(_ shape: Shape) {
        self.shape = shape
        owner = nil
        mappedBytes = 0
        let bytes = max(64, (shape.count * MemoryLayout<Float>.stride + 63) / 64 * 64)
        if bytes >= Self.hugePage {
            // Zero pages on demand, and few page faults.
            mappedBytes = (bytes + Self.hugePage - 1) / Self.hugePage * Self.hugePage
            let memory = mmap(nil, mappedBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
            guard let memory, memory != MAP_FAILED else {
                AbnormalEnd.outOfMemory(for: "a tensor of \(shape)", bytes: bytes)
            }
            madvise(memory, mappedBytes, MADV_HUGEPAGE)
            base = memory.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
            return
        }
        guard let memory = aligned_alloc(64, bytes) else {
            AbnormalEnd.outOfMemory(for: "a tensor of \(shape)", bytes: bytes)
        }
        memset(memory, 0, bytes)
        base = memory.bindMemory(to: Float.self, capacity: bytes / MemoryLayout<Float>.stride)
    }

    private static let hugePage = 2 << 20

    package convenience init(_ shape: Shape, _ values: some Collection<Float>) {
        precondition(values.count == shape.count, "\(values.count) values for a tensor of \(shape)")
        self.init(shape)
        _ = UnsafeMutableBufferPointer(start: base, count: shape.count).initialize(from: values)
    }

    /// A tensor over existing memory, aligned to 64 bytes, that `owner` keeps alive.
    package convenience init(_ shape: Shape, in memory: UnsafeMutableRawBufferPointer, of owner: AnyObject) {
        precondition(memory.count >= shape.count * MemoryLayout<Float>.stride, "too little memory for \(shape)")
        guard let start = memory.baseAddress, UInt(bitPattern: start) % 64 == 0 else {
            preconditionFailure("memory of a tensor must be aligned to 64 bytes")
        }
        self.init(shape: shape, base: start.bindMemory(to: Float.self, capacity: shape.count), owner: owner)
    }

    private init(shape: Shape, base: UnsafeMutablePointer<Float>, owner: AnyObject) {
        self.shape = shape
        self.base = base
        self.owner = owner
        mappedBytes = 0
    }

    deinit {
        if owner != nil { return }
        if mappedBytes > 0 { munmap(base, mappedBytes) } else { free(base) }
    }

    package var count: Int { shape.count }

    /// A view of this tensor's memory from element `offset`.
    package func view(_ shape: Shape, at offset: Int = 0) -> Tensor {
        precondition(
            offset >= 0 && offset + shape.count <= count,
            "a view of \(shape) at \(offset) exceeds a tensor of \(self.shape)")
        return Tensor(shape: shape, base: base + offset, owner: owner ?? self)
    }

    /// A view of a range of the first dimension.
    package func rows(_ range: Range<Int>) -> Tensor {
        let row = shape.sample
        return view(row.batched(range.count), at: range.lowerBound * row.count)
    }

    package func withUnsafeBuffer<R, E: Error>(_ body: (UnsafeBufferPointer<Float>) throws(E) -> R) throws(E) -> R {
        try body(UnsafeBufferPointer(start: base, count: count))
    }

    package func withUnsafeMutableBuffer<R, E: Error>(
        _ body: (UnsafeMutableBufferPointer<Float>) throws(E) -> R
    ) throws(E) -> R {
        try body(UnsafeMutableBufferPointer(start: base, count: count))
    }

    /// A copy of the elements.
    package var values: [Float] { withUnsafeBuffer { Array($0) } }

    package subscript(index: Int) -> Float {
        get {
            precondition(index >= 0 && index < count)
            return base[index]
        }
        set {
            precondition(index >= 0 && index < count)
            base[index] = newValue
        }
    }

    package func fill(_ value: Float) {
        withUnsafeMutableBuffer { $0.update(repeating: value) }
    }

    /// Copies the elements of a tensor of the same count.
    package func copy(from other: Tensor) {
        precondition(other.count == count, "copy of \(other.shape) into \(shape)")
        if base != other.base { memmove(base, other.base, count * MemoryLayout<Float>.stride) }
    }

    /// Address for kernels, valid as long as the tensor.
    var pointer: UnsafeMutablePointer<Float> { base }
}
