import Foundations
import Tensors

/// All parameters of a network, or one number for each of them (gradients, moments). During training they are named
/// views of one contiguous tensor, so that an optimizer is one flat loop. Parameters that are only read may be separate
/// tensors, for example parts of the bytes of a file. Every list of parameters has the same order.
package final class ParameterSet {
    package struct Layout: Equatable, Sendable {
        package let names: [String]
        package let shapes: [Shape]
        let offsets: [Int]
        /// Total number of floats. Parameters start at multiples of 64 bytes, with zeros between them.
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

        /// Compares the layout with the tensors in a file whose names start with `prefix`. Throws if a tensor is missing
        /// or unknown, or has another shape or type.
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
                    file.path, expected: "no tensors but those of the network", found: "\(unknown.prefix(80))")
            }
        }

        /// Number of parameters, without the gaps.
        package var parameterCount: Int { shapes.reduce(0) { $0 + $1.count } }
    }

    package let layout: Layout
    /// One tensor for each parameter.
    package let tensors: [Tensor]
    private let memory: Tensor?

    /// Parameters that are zero, in one contiguous tensor.
    package convenience init(_ layout: Layout) {
        self.init(layout, in: Tensor([layout.count]))
    }

    /// Views of existing memory, which may be longer than the layout.
    init(_ layout: Layout, in memory: Tensor) {
        self.layout = layout
        let all = memory.view([layout.count])
        self.memory = all
        tensors = zip(layout.shapes, layout.offsets).map { all.view($0, at: $1) }
    }

    /// Existing tensors, which may be separate.
    init(_ layout: Layout, _ tensors: [Tensor]) {
        precondition(tensors.map(\.shape) == layout.shapes, "the tensors do not have the shapes of the layout")
        self.layout = layout
        self.tensors = tensors
        memory = nil
    }

    /// All parameters as one flat tensor, including the gaps. Traps if they are separate tensors.
    package var all: Tensor {
        guard let memory else { preconditionFailure("parameters in separate tensors") }
        return memory
    }

    package subscript(name: String) -> Tensor? {
        layout.names.firstIndex(of: name).map { tensors[$0] }
    }

    package var named: [(name: String, tensor: Tensor)] { Array(zip(layout.names, tensors)) }

    /// Copies the values from a file whose tensors match the layout, as `Layout.check` does.
    package func load(_ file: SafetensorsFile, prefix: String = "") throws(FileError) {
        try layout.check(file, prefix: prefix)
        for (name, tensor) in named {
            file.withBytes(of: prefix + name) { bytes in
                tensor.withUnsafeMutableBuffer { UnsafeMutableRawBufferPointer($0).copyMemory(from: bytes) }
            }
        }
    }

    /// Name of the first parameter that contains a value that is not finite, or a variance below 0.
    package var firstInvalid: String? {
        named.first { name, tensor in
            // Squares of floats do not overflow in double precision.
            (try? Kernels.squaredNorm(tensor))?.isFinite != true
                || name.hasSuffix("running_var") && tensor.withUnsafeBuffer { $0.contains { $0 < 0 } }
        }?.name
    }
}
