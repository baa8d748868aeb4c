import FoundationEssentials
import Foundations
import Tensors

/// A message in the wire format of Protocol Buffers: fields with a number and a value each.
///
/// Source: https://protobuf.dev/programming-guides/encoding. The sizes of nested messages precede them, so they are summed
/// while fields are added, and tensors are written from their own memory.
struct ProtobufMessage {
    private enum Part {
        case bytes([UInt8])
        case floats(Tensor)
    }

    private var parts = [Part]()
    private(set) var byteCount = 0

    mutating func add(_ field: Int, _ value: Int) { append(Self.varint(field << 3) + Self.varint(value)) }

    mutating func add(_ field: Int, _ value: Float) {
        append(Self.varint(field << 3 | 5) + withUnsafeBytes(of: value.bitPattern.littleEndian) { Array($0) })
    }

    mutating func add(_ field: Int, _ text: String) { add(field, bytes: Array(text.utf8)) }

    mutating func add(_ field: Int, bytes: [UInt8]) { append(Self.header(field, bytes.count) + bytes) }

    mutating func add(_ field: Int, _ message: ProtobufMessage) {
        append(Self.header(field, message.byteCount))
        for part in message.parts {
            switch part {
            case .bytes(let bytes): append(bytes)
            case .floats(let tensor): append(tensor)
            }
        }
    }

    /// The elements of a tensor as little-endian floats. The tensor must not change before the message is written.
    mutating func add(_ field: Int, _ tensor: Tensor) {
        append(Self.header(field, tensor.count * MemoryLayout<Float>.stride))
        append(tensor)
    }

    func write(to file: AtomicFile) throws(FileError) {
        for part in parts {
            switch part {
            case .bytes(let bytes): try file.write(Data(bytes))
            case .floats(let tensor):
                try tensor.withUnsafeBuffer { buffer throws(FileError) in
                    try file.write(UnsafeRawBufferPointer(buffer))
                }
            }
        }
    }

    private mutating func append(_ bytes: [UInt8]) {
        byteCount += bytes.count
        // Neighboring fields become one part, so that few system calls write them.
        if case .bytes(let last)? = parts.last, last.count < 1 << 16 {
            parts[parts.count - 1] = .bytes(last + bytes)
        } else {
            parts.append(.bytes(bytes))
        }
    }

    private mutating func append(_ tensor: Tensor) {
        byteCount += tensor.count * MemoryLayout<Float>.stride
        parts.append(.floats(tensor))
    }

    private static func header(_ field: Int, _ count: Int) -> [UInt8] { varint(field << 3 | 2) + varint(count) }

    private static func varint(_ value: Int) -> [UInt8] {
        var (rest, bytes) = (UInt64(bitPattern: Int64(value)), [UInt8]())
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        return bytes + [UInt8(rest)]
    }
}
