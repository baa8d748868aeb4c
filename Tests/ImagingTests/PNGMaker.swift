/// Makes PNG files without an encoder, so that tests can have every variant and every kind of damage. Pixel data are in
/// stored (uncompressed) zlib blocks; rows are unfiltered.
struct PNGMaker {
    enum ColorType: UInt8, CaseIterable {
        case gray = 0
        case rgb = 2
        case palette = 3
        case grayAlpha = 4
        case rgba = 6

        var samples: Int {
            switch self {
            case .gray, .palette: 1
            case .grayAlpha: 2
            case .rgb: 3
            case .rgba: 4
            }
        }

        var depths: [Int] {
            switch self {
            case .gray: [1, 2, 4, 8, 16]
            case .palette: [1, 2, 4, 8]
            case .rgb, .grayAlpha, .rgba: [8, 16]
            }
        }
    }

    var width: Int
    var height: Int
    var type: ColorType
    var depth: Int
    var interlaced = false
    /// RGB triples.
    var palette: [UInt8] = []
    /// The data of the tRNS chunk; empty for no chunk.
    var transparency: [UInt8] = []
    /// Sample `channel` of the pixel at `x`, `y`, below 2^depth.
    var sample: (_ x: Int, _ y: Int, _ channel: Int) -> Int

    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    var bytes: [UInt8] {
        var header = bigEndian(width) + bigEndian(height)
        header += [UInt8(depth), type.rawValue, 0, 0, interlaced ? 1 : 0]
        var file = Self.signature + Self.chunk("IHDR", header)
        if !palette.isEmpty { file += Self.chunk("PLTE", palette) }
        if !transparency.isEmpty { file += Self.chunk("tRNS", transparency) }
        return file + Self.chunk("IDAT", Self.stored(filteredRows)) + Self.chunk("IEND", [])
    }

    /// A chunk with its length and checksum.
    static func chunk(_ name: String, _ data: [UInt8]) -> [UInt8] {
        let body = Array(name.utf8) + data
        return bigEndian(data.count) + body + bigEndian(Int(crc32(body)))
    }

    /// A zlib stream of stored blocks.
    static func stored(_ data: [UInt8]) -> [UInt8] {
        var stream: [UInt8] = [0x78, 0x01]
        var start = 0
        repeat {
            let count = min(65535, data.count - start)
            let isLast: UInt8 = start + count == data.count ? 1 : 0
            let (low, high) = (UInt8(count & 255), UInt8(count >> 8))
            stream += [isLast, low, high, ~low, ~high] + data[start..<start + count]
            start += count
        } while start < data.count
        return stream + bigEndian(Int(adler32(data)))
    }

    /// The rows, each with its filter byte. Interlaced images have the rows of seven passes.
    private var filteredRows: [UInt8] {
        let passes =
            interlaced
            ? [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]
            : [(0, 0, 1, 1)]
        var rows: [UInt8] = []
        for (left, top, dx, dy) in passes where left < width {
            for y in stride(from: top, to: height, by: dy) {
                rows.append(0)
                appendRow(stride(from: left, to: width, by: dx), y, to: &rows)
            }
        }
        return rows
    }

    private func appendRow(_ columns: StrideTo<Int>, _ y: Int, to rows: inout [UInt8]) {
        var (bits, count) = (0, 0)
        for x in columns {
            for channel in 0..<type.samples {
                bits = bits << depth | sample(x, y, channel)
                count += depth
                while count >= 8 {
                    rows.append(UInt8(truncatingIfNeeded: bits >> (count - 8)))
                    count -= 8
                }
                bits &= 0xFFFF
            }
        }
        if count > 0 { rows.append(UInt8(truncatingIfNeeded: bits << (8 - count))) }
    }
}

func bigEndian(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: value >> $0) } }

func crc32(_ bytes: [UInt8]) -> UInt32 {
    var crc: UInt32 = 0xFFFF_FFFF
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
    }
    return ~crc
}

func adler32(_ bytes: [UInt8]) -> UInt32 {
    var (a, b): (UInt32, UInt32) = (1, 0)
    for byte in bytes {
        a = (a + UInt32(byte)) % 65521
        b = (b + a) % 65521
    }
    return b << 16 | a
}
