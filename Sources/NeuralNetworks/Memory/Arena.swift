import Tensors

/// Memory for computations of different sizes, one after the other. Each buffer grows to the largest size requested and
/// does not keep its contents when it grows.
package final class Arena {
    /// The purpose of a buffer. Buffers for different purposes never overlap.
    enum Slot: Hashable {
        /// Values and gradients of a workspace.
        case piece(MemoryPlan.Piece)
        /// Scratch of kernels.
        case scratch
        /// Parts of one input, gathered to compute a border of a layer's output. The number is the input's position.
        case borderInput(Int)
        /// A border of a layer's output in a shared trunk.
        case border(node: Int, BorderPart)
        /// Results of the first layer of the head for all windows of a block.
        case headInput
        /// Probabilities of a class of pixels, and their deviation.
        case probabilities(PixelClass)
        case deviation
    }

    private var buffers = [Slot: Tensor]()

    package init() {}

    /// A flat tensor in the slot's memory, valid until the next request for this slot.
    func tensor(_ slot: Slot, count: Int) -> Tensor {
        if let buffer = buffers[slot], buffer.count >= count { return buffer.view([count]) }
        let buffer = Tensor([count])
        buffers[slot] = buffer
        return buffer.view([count])
    }
}
