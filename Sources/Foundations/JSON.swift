import FoundationEssentials
import SystemPackage

/// Encoding and decoding of JSON. Keys are in alphabetical order, so that equal values have equal bytes. Dates are in
/// ISO 8601.
package enum JSON {
    /// Encodes a value in one line or, with `pretty`, in indented lines. Throws where a number is not finite.
    package static func data(_ value: some Encodable, pretty: Bool = false) throws -> Data {
        let encoder = JSONEncoder()
        encoder.outputFormatting = pretty ? [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes] : [.sortedKeys]
        encoder.dateEncodingStrategy = .iso8601
        return try encoder.encode(value)
    }

    /// Encodes a value like `data`, as a string.
    package static func text(_ value: some Encodable, pretty: Bool = false) throws -> String {
        String(decoding: try data(value, pretty: pretty), as: UTF8.self)
    }

    /// Decodes a value. Throws `DecodingError`.
    package static func decode<Value: Decodable>(_ type: Value.Type, from data: Data) throws -> Value {
        let decoder = JSONDecoder()
        decoder.dateDecodingStrategy = .iso8601
        return try decoder.decode(type, from: data)
    }

    /// The place in a JSON document and the reason of an error of `decode`, such as "architecture: Cannot initialize ...".
    package static func problem(_ error: any Error) -> String {
        let context: DecodingError.Context
        switch error as? DecodingError {
        case .typeMismatch(_, let found), .valueNotFound(_, let found), .keyNotFound(_, let found),
            .dataCorrupted(let found):
            context = found
        default: return "\(error)"
        }
        let place = context.codingPath.map(\.stringValue).joined(separator: ".")
        return (place.isEmpty ? "" : "\(place): ") + context.debugDescription
    }
}

/// A JSON value of unknown structure.
package enum JSONValue: Decodable, Equatable, Sendable {
    case null
    case bool(Bool)
    case number(Double)
    case string(String)
    case array([JSONValue])
    case object([String: JSONValue])

    package init(from decoder: any Decoder) throws {
        let container = try decoder.singleValueContainer()
        if container.decodeNil() {
            self = .null
        } else if let value = try? container.decode(Double.self) {
            self = .number(value)
        } else if let value = try? container.decode(String.self) {
            self = .string(value)
        } else if let value = try? container.decode([JSONValue].self) {
            self = .array(value)
        } else if let value = try? container.decode([String: JSONValue].self) {
            self = .object(value)
        } else {
            self = .bool(try container.decode(Bool.self))
        }
    }

    package var array: [JSONValue]? { if case .array(let value) = self { value } else { nil } }
    package var object: [String: JSONValue]? { if case .object(let value) = self { value } else { nil } }
    package var string: String? { if case .string(let value) = self { value } else { nil } }
    package var number: Double? { if case .number(let value) = self { value } else { nil } }

    /// The member of an object; nil for other values and missing members.
    package subscript(key: String) -> JSONValue? { object?[key] }
}

extension JSONValue {
    /// Reads a JSON file. Throws `unreadable`, or `malformed` where it is not JSON; `expected` describes the file.
    package init(contentsOf path: FilePath, expected: String = "a JSON file") throws(FileError) {
        let data = try FileBytes.data(path)
        do {
            self = try JSON.decode(JSONValue.self, from: data)
        } catch {
            throw FileError(path, expected: expected, found: "something that is not JSON")
        }
    }
}
