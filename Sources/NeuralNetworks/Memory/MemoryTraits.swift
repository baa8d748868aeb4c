/// How a layer uses memory, for one batch size and one set of input shapes. The defaults suit a layer that reads its
/// inputs in `backward` and needs no memory of its own.
package struct MemoryTraits {
    /// Tensors that `backward` reads in addition to the gradient with respect to the output.
    package struct BackwardReads: OptionSet, Sendable {
        package let rawValue: Int

        package init(rawValue: Int) { self.rawValue = rawValue }

        package static let inputs = BackwardReads(rawValue: 1)
        package static let output = BackwardReads(rawValue: 2)
    }

    /// Whether the output may overwrite the first input, and the gradient with respect to the first input may overwrite
    /// the gradient with respect to the output.
    package var worksInPlace = false
    /// Whether inference leaves the input unchanged.
    package var isIdentityAtInference = false
    /// Memory of inputs and outputs that are not listed may be reused before `backward`.
    package var backwardReads: BackwardReads = .inputs
    /// Whether the gradients with respect to all inputs are equal. `backward` then computes only one of them.
    package var hasEqualInputGradients = false
    /// The position, among the layer's parameters, of weights [O][I] whose gradient is exactly gy transposed times the
    /// input and so large that storing it is wasteful.
    package var productParameter: Int?
    /// Floats that a training forward pass saves for `backward`.
    package var keptCount = 0
    /// Floats of scratch for `forward` and `backward`.
    package var scratchCount = 0

    package init() {}
}
