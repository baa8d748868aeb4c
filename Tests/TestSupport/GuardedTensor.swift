import Tensors

/// A tensor between guard values, filled with NaN. It detects kernels that write outside their output, leave part of it
/// unwritten or read it.
package struct GuardedTensor {
    private static let margin = 32
    private static let sentinel = Float(-8.765e21)

    package let tensor: Tensor
    private let whole: Tensor
    private let start: Int

    /// The tensor starts `misalignment` floats after a multiple of 64 bytes.
    package init(_ shape: Shape, misalignment: Int = 0) {
        start = Self.margin + misalignment
        whole = Tensor([shape.count + 2 * Self.margin + misalignment])
        whole.fill(Self.sentinel)
        tensor = whole.view(shape, at: start)
        tensor.fill(.nan)
    }

    /// The elements. Throws when guard values have changed.
    package func values(_ name: String) throws(Mismatch) -> [Float] {
        let all = whole.values
        let end = start + tensor.count
        for index in all.indices where (index < start || index >= end) && all[index] != Self.sentinel {
            throw Mismatch(
                description: "\(name): element \(index - start) was written, of a tensor of \(tensor.count)")
        }
        return Array(all[start..<end])
    }
}
