import Foundations
import Tensors

extension Network {
    /// Copies weights that another training ended with: all tensors of this network that the file has under the same
    /// name, as F32, F16 or BF16.
    ///
    /// The head keeps its values if `keepsHead`, if the file has none, or one of another shape, as that of a network
    /// with other classes. Returns whether it has the values of the file. Throws `FileError` if another tensor is
    /// missing or has another shape or type, if the file has other tensors, or numbers that are not finite.
    package func load(pretrained file: SafetensorsFile, keepsHead: Bool) throws(FileError) -> Bool {
        let head = plan.headName + "."
        let fits = state.named.allSatisfy { name, tensor in
            !name.hasPrefix(head) || file.entries[name]?.shape == tensor.shape.dimensions
        }
        let loadsHead = fits && !keepsHead
        for (name, tensor) in state.named where loadsHead || !name.hasPrefix(head) {
            guard let entry = file.entries[name] else {
                throw FileError(file.path, expected: "tensor \(name) (\(tensor.shape))", found: "no such tensor")
            }
            guard entry.shape == tensor.shape.dimensions, let values = file.floats(name) else {
                throw FileError(
                    file.path, expected: "tensor \(name) as F32, F16 or BF16 \(tensor.shape)",
                    found: "\(entry.dtype) \(Shape(entry.shape))")
            }
            tensor.copy(from: values)
        }
        let known = Set(state.layout.names)
        if let unknown = file.entries.keys.sorted().first(where: { !known.contains($0) && !$0.hasPrefix(head) }) {
            throw FileError(
                file.path, expected: "no tensors but those of the network", found: "\(unknown.prefix(80))")
        }
        if let name = state.firstInvalid {
            throw FileError(
                file.path, expected: "finite weights, and variances of 0 or more", found: "another value in \(name)")
        }
        return loadsHead
    }
}

extension ChannelStatistics {
    /// Means and deviations of the colors of ImageNet, 0.485, 0.456, 0.406 and 0.229, 0.224, 0.225 of 255, by which the
    /// tiles of published networks are normalized.
    package static let imageNet = ChannelStatistics(
        mean: [123.675, 116.28, 103.53], deviation: [58.395, 57.12, 57.375])
}

extension SafetensorsFile {
    /// A tensor of the file as floats; nil unless it is of 16-bit or 32-bit floats.
    func floats(_ name: String) -> Tensor? {
        guard let entry = entries[name] else { preconditionFailure("no tensor \(name)") }
        if entry.dtype == "F32" { return tensor(name) }
        guard entry.dtype == "F16" || entry.dtype == "BF16" else { return nil }
        let values = withBytes(of: name) { bytes in
            (0..<bytes.count / 2).map { index in
                let bits = UInt16(littleEndian: bytes.loadUnaligned(fromByteOffset: 2 * index, as: UInt16.self))
                return entry.dtype == "F16"
                    ? Float(Float16(bitPattern: bits)) : Float(bitPattern: UInt32(bits) << 16)
            }
        }
        return Tensor(Shape(entry.shape), values)
    }
}
