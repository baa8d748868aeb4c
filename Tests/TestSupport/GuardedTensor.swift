import Tensors

/// A tensor whose memory is surrounded by numbers that nobody may change, and starts full of NaN: a kernel that writes
/// past its output, leaves part of it unwritten or reads it shows.
package struct GuardedTensor {
    private static let margin = 32
    private static let sentinel = Float(-8.765e21)

    package let tensor: Tensor
    private let whole: Tensor
    private let start: Int

    /// `misalignment` floats are left before the tensor, so that it does not start at a multiple of 64 bytes.
    package init(_ shape: Shape, misalignment: Int = 0) {
        start = Self.margin + misalignment
        whole = Tensor([shape.count + 2 * Self.margin + misalignment])
        whole.fill(Self.sentinel)
        tensor = whole.view(shape, at: start)
        tensor.fill(.nan)
    }

    /// The elements. Throws when the surroundings have changed.
    package func values(_ what: String) throws(Mismatch) -> [Float] {
        let all = whole.values
        let end = start + tensor.count
        for index in all.indices where (index < start || index >= end) && all[index] != Self.sentinel {
            throw Mismatch(
                description: "\(what): element \(index - start) was written, of a tensor of \(tensor.count)")
        }
        return Array(all[start..<end])
    }
}
