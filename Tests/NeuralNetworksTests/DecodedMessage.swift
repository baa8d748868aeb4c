import Testing

/// A message in the wire format of Protocol Buffers, decoded without a schema.
struct DecodedMessage {
    /// Values by field: numbers, or the bytes of texts and messages.
    private(set) var numbers = [Int: [UInt64]]()
    private(set) var bytes = [Int: [[UInt8]]]()

    /// Nil where the bytes do not end with a field.
    init?(_ all: [UInt8]) {
        var rest = all[...]
        func varint() -> UInt64? {
            var (value, shift) = (UInt64(0), UInt64(0))
            while let byte = rest.popFirst() {
                value |= UInt64(byte & 0x7F) << shift
                if byte < 0x80 { return value }
                shift += 7
            }
            return nil
        }
        while !rest.isEmpty {
            guard let tag = varint() else { return nil }
            let field = Int(tag >> 3)
            switch tag & 7 {
            case 0:
                guard let value = varint() else { return nil }
                numbers[field, default: []].append(value)
            case 2:
                guard let count = varint().map(Int.init), count <= rest.count else { return nil }
                bytes[field, default: []].append(Array(rest.prefix(count)))
                rest = rest.dropFirst(count)
            case 5:
                guard rest.count >= 4 else { return nil }
                numbers[field, default: []].append(rest.prefix(4).reversed().reduce(0) { $0 << 8 | UInt64($1) })
                rest = rest.dropFirst(4)
            default: return nil
            }
        }
    }

    func texts(_ field: Int) -> [String] { (bytes[field] ?? []).map { String(decoding: $0, as: UTF8.self) } }
    func messages(_ field: Int) throws -> [DecodedMessage] {
        try (bytes[field] ?? []).map { try #require(DecodedMessage($0)) }
    }
}
