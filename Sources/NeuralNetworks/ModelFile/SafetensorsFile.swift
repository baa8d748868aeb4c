import FoundationEssentials
import Foundations
import Tensors

/// The content of a `.safetensors` file: named tensors in one block of bytes, and a dictionary of strings.
///
/// Format: the length of the header as 8 bytes little-endian, the header (JSON), the bytes of the tensors without gaps.
/// Source: https://huggingface.co/docs/safetensors, section "Format".
///
/// The metadata of a file that `write` made has a checksum of the tensors, which is verified when the file is read. Files
/// of other programs may have none.
package struct SafetensorsFile {
    package struct Entry: Equatable, Sendable {
        /// The element type as named in the file: "F32", "F64", "I64", "U8", ...
        package let dtype: String
        package let shape: [Int]
        /// Position of the bytes, relative to the end of the header.
        package let range: Range<Int>
    }

    /// The key of the checksum in the metadata: the SHA-256 digest of the bytes of all tensors in the order of their
    /// names, without the counters of batch normalization.
    package static let checksumKey = "sha256"

    package let path: FilePath
    /// The strings of the file, without the checksum.
    package let metadata: [String: String]
    /// The tensors. The batch counters in which PyTorch's batch normalization counts its steps are left out, because no
    /// layer uses them.
    package let entries: [String: Entry]
    private let data: Data
    private let start: Int
    /// The memory of the file that `data` refers to, if it was read here.
    private let memory: FileBytes?

    /// Reads a file into memory once: programs that write over it later do not change its tensors. Throws `FileError` if
    /// the file cannot be read or its header does not match its content.
    package init(path: FilePath) throws(FileError) {
        let memory = try FileBytes(path)
        let bytes = memory.bytes
        let data = bytes.baseAddress.map {
            Data(bytesNoCopy: $0, count: bytes.count, deallocator: .custom { _, _ in withExtendedLifetime(memory) {} })
        }
        try self.init(data ?? Data(), path: path, memory)
    }

    /// Reads the content of a file. Messages refer to it by `path`. Throws `FileError` if the header does not match the
    /// content.
    package init(_ data: Data, path: FilePath) throws(FileError) {
        try self.init(data, path: path, nil)
    }

    private init(_ data: Data, path: FilePath, _ memory: FileBytes?) throws(FileError) {
        self.path = path
        self.data = data
        self.memory = memory
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
        let header = try Header(data[8..<start], path: path)
        let available = data.count - start
        var entries = [String: Entry]()
        // In an order, so that the same file has the same problem each time.
        for (name, tensor) in header.tensors.sorted(by: { $0.key < $1.key }) {
            entries[name] = try tensor.entry(name, available: available, path: path)
        }
        try Self.checkContiguous(entries, count: available, path: path)
        self.entries = entries.filter { name, entry in
            !(name.hasSuffix("num_batches_tracked") && entry.dtype == "I64" && entry.range.count == 8)
        }
        var metadata = header.metadata
        let checksum = metadata.removeValue(forKey: Self.checksumKey)
        self.metadata = metadata
        if let checksum { try verify(checksum) }
    }

    private func verify(_ checksum: String) throws(FileError) {
        let hash = SHA256()
        for name in entries.keys.sorted() { withBytes(of: name) { hash.update($0) } }
        let found = hash.digest()
        guard found == checksum else {
            throw FileError(
                path, expected: "tensors with the SHA-256 digest \(checksum.prefix(12))... of its metadata",
                found:
                    "\(found.prefix(12))...: the file is damaged, or was changed without removing \(Self.checksumKey)")
        }
    }

    /// SHA-256 digest of the file's content, as it was read.
    package var sha256: String { data.withUnsafeBytes { SHA256.digest(of: $0) } }

    /// Throws unless the tensors fill the bytes after the header without gaps.
    private static func checkContiguous(_ entries: [String: Entry], count: Int, path: FilePath) throws(FileError) {
        let sorted = entries.sorted { ($0.value.range.lowerBound, $0.key) < ($1.value.range.lowerBound, $1.key) }
        var end = 0
        for (name, entry) in sorted where !entry.range.isEmpty {
            guard entry.range.lowerBound == end else {
                throw FileError(
                    path, expected: "tensor \(name.prefix(80)) at byte \(end)", found: "byte \(entry.range.lowerBound)")
            }
            end = entry.range.upperBound
        }
        guard end == count else { throw FileError(path, expected: "\(end) bytes of tensors", found: "\(count)") }
    }

    /// Calls `body` with the bytes of a tensor. The file must contain the tensor.
    package func withBytes<R>(of name: String, _ body: (UnsafeRawBufferPointer) throws -> R) rethrows -> R {
        guard let entry = entries[name] else { preconditionFailure("no tensor \(name)") }
        return try data.withUnsafeBytes {
            try body(
                UnsafeRawBufferPointer(rebasing: $0[start + entry.range.lowerBound..<start + entry.range.upperBound]))
        }
    }

    /// A tensor of floats, which the file must contain. It refers to the memory of the file if it starts at a multiple
    /// of 64 bytes, as large tensors written by `write` do; otherwise it is a copy.
    package func tensor(_ name: String) -> Tensor {
        guard let entry = entries[name], entry.dtype == "F32" else {
            preconditionFailure("no tensor \(name) of floats")
        }
        let shape = Shape(entry.shape)
        let first = start + entry.range.lowerBound
        if let memory, first % 64 == 0, !entry.range.isEmpty {
            let bytes = UnsafeMutableRawBufferPointer(rebasing: memory.bytes[first..<start + entry.range.upperBound])
            return Tensor(shape, in: bytes, of: memory)
        }
        let tensor = Tensor(shape)
        withBytes(of: name) { bytes in
            tensor.withUnsafeMutableBuffer { UnsafeMutableRawBufferPointer($0).copyMemory(from: bytes) }
        }
        return tensor
    }
}

extension SafetensorsFile {
    private static func checksum(_ tensors: [(name: String, tensor: Tensor)]) -> String {
        let hash = SHA256()
        for (_, tensor) in tensors.sorted(by: { $0.name < $1.name }) {
            tensor.withUnsafeBuffer { hash.update(UnsafeRawBufferPointer($0)) }
        }
        return hash.digest()
    }

    /// Writes tensors of floats to a file, atomically.
    ///
    /// Tensors whose size is a multiple of 64 bytes come first, the others after them, each in the given order. The former
    /// then start at multiples of 64 bytes and can be used in place. Throws `FileError`.
    package static func write(
        _ tensors: [(name: String, tensor: Tensor)], metadata: [String: String], to path: FilePath
    ) throws(FileError) {
        let tensors = tensors.filter { $0.tensor.count % 16 == 0 } + tensors.filter { $0.tensor.count % 16 != 0 }
        var header = Header(metadata: metadata)
        header.metadata[checksumKey] = checksum(tensors)
        var offset = 0
        for (name, tensor) in tensors {
            let end = offset + tensor.count * MemoryLayout<Float>.stride
            header.tensors[name] = Header.Tensor(
                dtype: "F32", shape: tensor.shape.dimensions, dataOffsets: [offset, end])
            offset = end
        }
        var json = try header.json(path: path)
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
