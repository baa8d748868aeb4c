import Foundations
import Tensors

/// All parameters of a network, or one number for each of them (gradients, moments). Where they are trained they are
/// named views of one piece of memory, so that an optimizer is one flat loop; those that are only read may lie apart, as
/// in a file. Every list of parameters has this order.
package final class ParameterSet {
    package struct Layout: Equatable, Sendable {
        package let names: [String]
        package let shapes: [Shape]
        let offsets: [Int]
        /// Floats in all; parameters start at multiples of 64 bytes, with zeros between them.
        package let count: Int

        package init(_ parameters: [(name: String, shape: Shape)]) {
            names = parameters.map(\.name)
            shapes = parameters.map(\.shape)
            var offset = 0
            offsets = shapes.map { shape in
                defer { offset += (shape.count + 15) / 16 * 16 }
                return offset
            }
            count = offset
        }

        /// Throws when a tensor of the file is missing, has another shape or type, or is not known. Only tensors whose
        /// names have the prefix count; the rest of their names is the parameter's.
        package func check(_ file: SafetensorsFile, prefix: String = "") throws(FileError) {
            for (name, shape) in zip(names, shapes) {
                let name = prefix + name
                guard let entry = file.entries[name] else {
                    throw FileError(file.path, expected: "tensor \(name) (\(shape))", found: "no such tensor")
                }
                guard entry.dtype == "F32", entry.shape == shape.dimensions else {
                    throw FileError(
                        file.path, expected: "tensor \(name) as F32 \(shape)",
                        found: "\(entry.dtype) \(Shape(entry.shape))")
                }
            }
            let known = Set(names.map { prefix + $0 })
            if let unknown = file.entries.keys.sorted().first(where: { $0.hasPrefix(prefix) && !known.contains($0) }) {
                throw FileError(
                    file.path, expected: "tensors \(names.joined(separator: ", "))", found: "\(unknown.prefix(80))")
            }
        }

        /// Numbers that a model has, without the gaps.
        package var parameterCount: Int { shapes.reduce(0) { $0 + $1.count } }
    }

    package let layout: Layout
    /// One for each parameter.
    package let tensors: [Tensor]
    private let memory: Tensor?

    /// Zeros.
    package convenience init(_ layout: Layout) {
        self.init(layout, in: Tensor([layout.count]))
    }

    /// Views of memory that is there already and may go on behind this layout.
    init(_ layout: Layout, in memory: Tensor) {
        self.layout = layout
        let all = memory.view([layout.count])
        self.memory = all
        tensors = zip(layout.shapes, layout.offsets).map { all.view($0, at: $1) }
    }

    /// Tensors that are there already and may lie apart.
    init(_ layout: Layout, _ tensors: [Tensor]) {
        precondition(tensors.map(\.shape) == layout.shapes, "tensors of other shapes than the layout's")
        self.layout = layout
        self.tensors = tensors
        memory = nil
    }

    /// Everything, gaps included, of parameters that lie in one piece.
    package var all: Tensor {
        guard let memory else { preconditionFailure("these parameters are to be read: they lie apart") }
        return memory
    }

    package subscript(name: String) -> Tensor? {
        layout.names.firstIndex(of: name).map { tensors[$0] }
    }

    package var named: [(name: String, tensor: Tensor)] { Array(zip(layout.names, tensors)) }

    /// Takes over the values in a file, which has to have this layout under the prefix.
    package func load(_ file: SafetensorsFile, prefix: String = "") throws(FileError) {
        try layout.check(file, prefix: prefix)
        for (name, tensor) in named {
            file.withBytes(of: prefix + name) { bytes in
                tensor.withUnsafeMutableBuffer { UnsafeMutableRawBufferPointer($0).copyMemory(from: bytes) }
            }
        }
    }

    /// The first parameter that has a value that is not finite.
    package var firstNonFinite: String? {
        // Squares of single precision do not overflow in double precision.
        named.first { _, tensor in (try? Kernels.squaredNorm(tensor))?.isFinite != true }?.name
    }
}
