import FoundationEssentials
import Foundations
import Tensors

extension SafetensorsFile {
    /// The JSON header of a file.
    struct Header {
        /// Entry of the header for one tensor, unchecked.
        struct Tensor: Codable {
            var dtype: String
            var shape: [Int]
            var dataOffsets: [Int]

            private enum CodingKeys: String, CodingKey {
                case dtype, shape
                case dataOffsets = "data_offsets"
            }
        }

        var metadata: [String: String]
        var tensors = [String: Tensor]()

        init(metadata: [String: String]) { self.metadata = metadata }

        init(_ json: Data, path: FilePath) throws(FileError) {
            guard let values = try? JSON.decode([String: Value].self, from: json) else {
                throw FileError(path, expected: "a safetensors file", found: "a header that is not a JSON object")
            }
            metadata = [:]
            for (name, value) in values {
                switch value {
                case .strings(let strings) where name == Value.metadataName: metadata = strings
                case _ where name == Value.metadataName:
                    throw FileError(path, expected: "metadata of strings", found: "other values")
                case .tensor(let tensor): tensors[name] = tensor
                default:
                    throw FileError(
                        path, expected: "dtype, shape and data_offsets of tensor \(name.prefix(80))",
                        found: "something else")
                }
            }
        }

        /// The header as JSON with sorted keys.
        func json(path: FilePath) throws(FileError) -> Data {
            var values = tensors.mapValues(Value.tensor)
            values[Value.metadataName] = .strings(metadata)
            guard let json = try? JSON.data(values) else {
                throw FileError(path, .unwritable, "cannot be written (its header is not valid JSON)")
            }
            return json
        }
    }

    private enum Value: Codable {
        case tensor(Header.Tensor)
        case strings([String: String])
        case other

        static let metadataName = "__metadata__"

        init(from decoder: any Decoder) throws {
            if let tensor = try? Header.Tensor(from: decoder) {
                self = .tensor(tensor)
            } else if let strings = try? [String: String](from: decoder) {
                self = .strings(strings)
            } else {
                self = .other
            }
        }

        func encode(to encoder: any Encoder) throws {
            switch self {
            case .tensor(let tensor): try tensor.encode(to: encoder)
            case .strings(let strings): try strings.encode(to: encoder)
            case .other: preconditionFailure("a value that is neither a tensor nor metadata")
            }
        }
    }
}

extension SafetensorsFile.Header.Tensor {
    /// Bytes of one element, for the types whose size is checked.
    private static let sizes = [
        "F64": 8, "I64": 8, "U64": 8, "F32": 4, "I32": 4, "U32": 4, "F16": 2, "BF16": 2, "U8": 1, "I8": 1,
    ]

    /// The entry of a tensor in a file with a number of bytes after the header. Throws `FileError` if the tensor is not
    /// within these bytes or its size does not match its shape.
    func entry(_ name: String, available: Int, path: FilePath) throws(FileError) -> SafetensorsFile.Entry {
        guard shape.allSatisfy({ $0 >= 0 }), dataOffsets.count == 2 else {
            throw FileError(
                path, expected: "dtype, shape and data_offsets of tensor \(name.prefix(80))", found: "something else")
        }
        let (start, end) = (dataOffsets[0], dataOffsets[1])
        guard start >= 0, start <= end, end <= available else {
            throw FileError(
                path, expected: "tensor \(name.prefix(80)) within \(available) bytes", found: "bytes \(start) to \(end)"
            )
        }
        if let size = Self.sizes[dtype] {
            var bytes = size
            for length in shape {
                let (product, overflow) = bytes.multipliedReportingOverflow(by: length)
                bytes = overflow ? Int.max : product
            }
            guard bytes == end - start else {
                throw FileError(
                    path, expected: "\(bytes) bytes for tensor \(name.prefix(80)) (\(dtype) \(Shape(shape)))",
                    found: "\(end - start) bytes")
            }
        }
        return SafetensorsFile.Entry(dtype: dtype, shape: shape, range: start..<end)
    }
}
