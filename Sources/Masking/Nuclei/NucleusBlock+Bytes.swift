import Imaging

/// The bytes of a block in a `NucleusStore`: whole numbers in groups of seven bits, least first, with the sign in the
/// lowest bit (LEB128 of zigzag numbers), and floats as they are. Rows and columns of runs are differences.
extension NucleusBlock {
    package var bytes: [UInt8] {
        var writer = ByteWriter()
        writer.add(isOutside ? 1 : 0)
        writer.add(brightness.pixels)
        writer.add(brightness.bright)
        writer.add(pale)
        writer.add(unreadable.count)
        for part in unreadable { for value in [part.x, part.y, part.width, part.height] { writer.add(value) } }
        writer.add(nuclei.count)
        for nucleus in nuclei {
            writer.add(nucleus.measurements)
            writer.add(nucleus.runs.count)
            var (row, start) = (0, 0)
            for run in nucleus.runs {
                writer.add(run.row - row)
                writer.add(run.pixels.lowerBound - start)
                writer.add(run.pixels.count)
                (row, start) = (run.row, run.pixels.lowerBound)
            }
        }
        return writer.bytes
    }

    /// Nil where the bytes are not those of a block.
    package init?(bytes: [UInt8]) {
        var reader = ByteReader(bytes)
        self.init(isOutside: reader.number() != 0)
        brightness = BrightnessSample(pixels: reader.number(), bright: reader.number())
        pale = reader.number()
        for _ in 0..<reader.count() {
            unreadable.append(
                PixelRegion(x: reader.number(), y: reader.number(), width: reader.number(), height: reader.number()))
        }
        let count = reader.count()
        nuclei.reserveCapacity(count)
        for _ in 0..<count {
            let measurements = reader.measurements()
            var (runs, row, start) = ([Nucleus.Run](), 0, 0)
            let runCount = reader.count()
            runs.reserveCapacity(runCount)
            for _ in 0..<runCount {
                row &+= reader.number()
                start &+= reader.number()
                let length = reader.number()
                guard 1...Int(Int32.max) ~= length, 0...Int(Int32.max) ~= start else { return nil }
                runs.append(.init(row: row, pixels: start..<start + length))
            }
            if runs.isEmpty { return nil }
            nuclei.append(Nucleus(runs: runs, measurements: measurements))
        }
        guard reader.isComplete else { return nil }
    }
}

struct ByteWriter {
    private(set) var bytes = [UInt8]()

    mutating func add(_ number: Int) {
        var rest = UInt64(bitPattern: Int64(number << 1 ^ number >> 63))
        while rest >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: rest) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }

    mutating func add(_ values: Nucleus.Measurements) {
        withUnsafeBytes(of: (values.x.bitPattern.littleEndian, values.y.bitPattern.littleEndian)) { bytes += $0 }
        for field in Nucleus.Measurements.floats {
            withUnsafeBytes(of: values[keyPath: field].bitPattern.littleEndian) { bytes += $0 }
        }
    }
}

/// Reads what `ByteWriter` wrote. After the end, numbers are 0.
private struct ByteReader {
    private let bytes: [UInt8]
    private var next = 0
    private var isBeyond = false

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    /// Whether the bytes ended with the last number.
    var isComplete: Bool { next == bytes.count && !isBeyond }

    private mutating func byte() -> UInt8 {
        guard next < bytes.count else {
            isBeyond = true
            return 0
        }
        defer { next += 1 }
        return bytes[next]
    }

    mutating func number() -> Int {
        var (value, shift) = (UInt64(0), UInt64(0))
        while true {
            let byte = byte()
            value |= UInt64(byte & 0x7F) << shift
            shift += 7
            if byte < 0x80 || shift > 63 { break }
        }
        return Int(bitPattern: UInt(value >> 1)) ^ -Int(value & 1)
    }

    /// The number of items that follow, of at least a byte each.
    mutating func count() -> Int { min(max(0, number()), bytes.count - next) }

    private mutating func word<Word: FixedWidthInteger>(_ type: Word.Type) -> Word {
        var word: Word = 0
        for place in 0..<MemoryLayout<Word>.size { word |= Word(truncatingIfNeeded: byte()) << (8 * place) }
        return word
    }

    mutating func measurements() -> Nucleus.Measurements {
        var values = Nucleus.Measurements()
        values.x = Double(bitPattern: word(UInt64.self))
        values.y = Double(bitPattern: word(UInt64.self))
        for field in Nucleus.Measurements.floats { values[keyPath: field] = Float(bitPattern: word(UInt32.self)) }
        return values
    }
}

extension Nucleus.Measurements {
    fileprivate static var floats: [WritableKeyPath<Self, Float>] {
        [
            \.area, \.perimeter, \.eccentricity, \.orientation, \.circularity, \.solidity, \.probability,
            \.disagreement, \.hematoxylin, \.eosin,
        ]
    }
}
