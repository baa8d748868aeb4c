import Foundation
import Foundations
import Tensors

/// The content of a `.safetensors` file: named tensors in one block of bytes, and a dictionary of strings.
///
/// Format: 8 bytes little-endian length of the header, the header (JSON), the tensors' bytes without holes.
/// Source: https://huggingface.co/docs/safetensors, section "Format".
package struct SafetensorsFile {
    package struct Entry: Equatable, Sendable {
        /// As the file says it: "F32", "F64", "I64", "U8", ...
        package let dtype: String
        package let shape: [Int]
        /// Where the bytes lie, counted from the end of the header.
        package let range: Range<Int>
    }

    package let path: FilePath
    package let metadata: [String: String]
    package let entries: [String: Entry]
    private let data: Data
    private let start: Int
    /// What the data is, if it is a file's.
    private let mapped: MappedFile?

    /// Maps a file and reads its header.
    package init(path: FilePath) throws(FileError) {
        let mapped = try MappedFile(path)
        let bytes = mapped.bytes
        let data = bytes.baseAddress.map {
            Data(bytesNoCopy: $0, count: bytes.count, deallocator: .custom { _, _ in withExtendedLifetime(mapped) {} })
        }
        try self.init(data ?? Data(), path: path, mapped)
    }

    /// Reads a file's content, which messages call by `path`; every number of the header is checked against the
    /// content before it is believed.
    package init(_ data: Data, path: FilePath) throws(FileError) {
        try self.init(data, path: path, nil)
    }

    private init(_ data: Data, path: FilePath, _ mapped: MappedFile?) throws(FileError) {
        self.path = path
        self.data = data
        self.mapped = mapped
        guard data.count >= 8 else {
            throw FileError(path, expected: "a safetensors file", found: "\(data.count) bytes")
        }
        let length = data.prefix(8).reversed().reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        guard length >= 2, length <= UInt64(data.count - 8) else {
            throw FileError(
                path, expected: "a safetensors file",
                found: "a header of \(length) bytes in a file of \(data.count) bytes")
        }
        start = 8 + Int(length)
        guard let header = try? JSONSerialization.jsonObject(with: data[8..<start]) as? [String: Any] else {
            throw FileError(path, expected: "a safetensors file", found: "a header that is not a JSON object")
        }
        var entries = [String: Entry]()
        var metadata = [String: String]()
        for (name, value) in header {
            if name == "__metadata__" {
                guard let strings = value as? [String: String] else {
                    throw FileError(path, expected: "metadata of strings", found: "other values")
                }
                metadata = strings
            } else {
                entries[name] = try Self.entry(name, value, available: data.count - start, path)
            }
        }
        self.entries = entries
        self.metadata = metadata
        var end = 0
        for (name, entry) in entries.sorted(by: {
            ($0.value.range.lowerBound, $0.key) < ($1.value.range.lowerBound, $1.key)
        })
        where !entry.range.isEmpty {
            guard entry.range.lowerBound == end else {
                throw FileError(
                    path, expected: "tensor \(name) at byte \(end)", found: "it at byte \(entry.range.lowerBound)")
            }
            end = entry.range.upperBound
        }
        guard end == data.count - start else {
            throw FileError(path, expected: "\(end) bytes of tensors", found: "\(data.count - start)")
        }
    }

    /// The bytes of a tensor that the file has.
    package func withBytes<R>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        guard let entry = entries[name] else { preconditionFailure("no tensor \(name)") }
        return try data.withUnsafeBytes {
            try body(
                UnsafeRawBufferPointer(rebasing: $0[start + entry.range.lowerBound..<start + entry.range.upperBound]))
        }
    }

    /// A tensor of floats that the file has: the file's own memory where it is mapped and the tensor starts at a multiple
    /// of 64 bytes, as large ones do that `write` wrote, else a copy.
    package func tensor(_ name: String) -> Tensor {
        guard let entry = entries[name], entry.dtype == "F32" else {
            preconditionFailure("no tensor \(name) of floats")
        }
        let shape = Shape(entry.shape)
        let first = start + entry.range.lowerBound
        if let mapped, first % 64 == 0, !entry.range.isEmpty {
            let bytes = UnsafeMutableRawBufferPointer(rebasing: mapped.bytes[first..<start + entry.range.upperBound])
            return Tensor(shape, in: bytes, of: mapped)
        }
        let tensor = Tensor(shape)
        withBytes(of: name) { bytes in
            tensor.withUnsafeMutableBuffer { UnsafeMutableRawBufferPointer($0).copyMemory(from: bytes) }
        }
        return tensor
    }

    private static func entry(
        _ name: String, _ value: Any, available: Int, _ path: FilePath
    ) throws(FileError) -> Entry {
        guard let fields = value as? [String: Any], let dtype = fields["dtype"] as? String,
            let shape = fields["shape"] as? [Int], shape.allSatisfy({ $0 >= 0 }),
            let offsets = fields["data_offsets"] as? [Int], offsets.count == 2
        else {
            throw FileError(
                path, expected: "dtype, shape and data_offsets of tensor \(name.prefix(80))", found: "something else")
        }
        guard offsets[0] >= 0, offsets[0] <= offsets[1], offsets[1] <= available else {
            throw FileError(
                path, expected: "tensor \(name) within \(available) bytes",
                found: "bytes \(offsets[0]) to \(offsets[1])")
        }
        let sizes = ["F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "U8": 1, "I8": 1]
        if let size = sizes[dtype] {
            var bytes = size
            for length in shape {
                let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
                bytes = overflow ? Int.max : product
            }
            guard bytes == offsets[1] - offsets[0] else {
                throw FileError(
                    path, expected: "\(bytes) bytes for tensor \(name) (\(dtype) \(Shape(shape)))",
                    found: "\(offsets[1] - offsets[0]) bytes")
            }
        }
        return Entry(dtype: dtype, shape: shape, range: offsets[0]..<offsets[1])
    }
}

extension SafetensorsFile {
    /// Writes float tensors, whole or not at all, in the order given but for those whose bytes are a multiple of 64:
    /// they come first, so that they start at multiples of 64 bytes and can be used where they lie in a mapped file.
    package static func write(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String], to path: FilePath
    ) throws(FileError) {
        var header: [String: Any] = ["__metadata__": metadata]
        let tensors = tensors.filter { $0.tensor.count % 16 == 0 } + tensors.filter { $0.tensor.count % 16 != 0 }
        var offset = 0
        for (name, tensor) in tensors {
            let bytes = tensor.count * MemoryLayout<Float>.stride
            header[name] = [
                "dtype": "F32", "shape": tensor.shape.dimensions, "data_offsets": [offset, offset + bytes],
            ]
            offset += bytes
        }
        guard var json = try? JSONSerialization.data(withJSONObject: header, options: [.sortedKeys]) else {
            throw FileError(path, .unwritable, "cannot be written (its metadata is not valid JSON)")
        }
        let length = (8 + json.count + 63) / 64 * 64 - 8
        json.append(Data(repeating: UInt8(ascii: " "), count: length - json.count))
        var bytes = withUnsafeBytes(of: UInt64(json.count).littleEndian) { Data($0) }
        bytes.append(json)
        let file = try AtomicFile(path)
        try file.write(bytes)
        for (_, tensor) in tensors {
            try tensor.withUnsafeBuffer { buffer throws(FileError) in try file.write(UnsafeRawBufferPointer(buffer)) }
        }
        try file.commit()
    }
}
