/// Makes TIFF files of every layout: strips or tiles, both byte orders, BigTIFF, planes, 1 to 16 or 32 bits.
struct PlainTIFF {
    enum Compression: Int, CaseIterable {
        case none = 1
        /// Codes of 9 bits that stand for single bytes.
        case lzw = 5
        /// Blocks that are stored.
        case deflate = 8
        case packBits = 32773
    }

    var width: Int
    var height: Int
    var samples = 3
    var bits = 8
    var photometric = 2
    var compression = Compression.none
    var isBigEndian = false
    var isBigTIFF = false
    var isPlanar = false
    /// Nil for strips of `rowsPerStrip` rows.
    var tile: (width: Int, height: Int)?
    var rowsPerStrip = 3
    /// Further tags with numbers of 16 bits.
    var tags = [Int: [Int]]()
    /// Further tags with floating-point numbers, stored as rationals of thousandths.
    var rationals = [Int: Double]()
    var description = ""
    /// Number of equal pages.
    var pages = 1
    /// Data of the only strip in place of pixels.
    var strip: [UInt8]?
    var compressionTag: Int?
    var sample: (_ x: Int, _ y: Int, _ sample: Int) -> Int

    var bytes: [UInt8] {
        var file = isBigEndian ? Array("MM".utf8) : Array("II".utf8)
        file += isBigTIFF ? number(43, 2) + number(8, 2) + number(0, 2) : number(42, 2)
        let offsetSize = isBigTIFF ? 8 : 4
        var link = file.count
        file += number(0, offsetSize)
        for _ in 0..<pages {
            var places = [(offset: Int, count: Int)]()
            for segment in segments {
                places.append((file.count, segment.count))
                file += segment + (segment.count % 2 == 1 ? [0] : [])
            }
            var entries = [(tag: Int, type: Int, values: [Int])]()
            entries += [(256, 4, [width]), (257, 4, [height]), (258, 3, [Int](repeating: bits, count: samples))]
            entries += [(259, 3, [compressionTag ?? compression.rawValue]), (262, 3, [photometric])]
            entries += [(277, 3, [samples]), (284, 3, [isPlanar ? 2 : 1])]
            let (offsets, counts) = (places.map(\.offset), places.map(\.count))
            if let tile {
                entries += [(322, 4, [tile.width]), (323, 4, [tile.height]), (324, 4, offsets), (325, 4, counts)]
            } else {
                entries += [(273, 4, offsets), (278, 4, [strip == nil ? rowsPerStrip : height]), (279, 4, counts)]
            }
            if !description.isEmpty { entries.append((270, 2, description.utf8.map { Int($0) } + [0])) }
            entries += tags.map { ($0.key, 3, $0.value) }
            entries += rationals.map { ($0.key, 5, [Int($0.value * 1000), 1000]) }
            entries.sort { $0.tag < $1.tag }
            var directory = number(entries.count, isBigTIFF ? 8 : 2)
            for entry in entries {
                let size = [2: 1, 3: 2, 4: 4, 5: 4][entry.type]!
                let count = entry.type == 5 ? 1 : entry.values.count
                let values = entry.values.flatMap { number($0, size) }
                directory += number(entry.tag, 2) + number(entry.type, 2) + number(count, offsetSize)
                if values.count <= offsetSize {
                    directory += values + [UInt8](repeating: 0, count: offsetSize - values.count)
                } else {
                    directory += number(file.count, offsetSize)
                    file += values + (values.count % 2 == 1 ? [0] : [])
                }
            }
            file.replaceSubrange(link..<link + offsetSize, with: number(file.count, offsetSize))
            link = file.count + directory.count
            file += directory + number(0, offsetSize)
        }
        return file
    }

    private func number(_ value: Int, _ count: Int) -> [UInt8] {
        let little = (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
        return isBigEndian ? little.reversed() : little
    }

    /// The strips or tiles of all planes, compressed.
    private var segments: [[UInt8]] {
        if let strip { return [strip] }
        let (columns, rows) = (tile?.width ?? width, tile?.height ?? rowsPerStrip)
        var result = [[UInt8]]()
        for plane in 0..<(isPlanar ? samples : 1) {
            for top in stride(from: 0, to: height, by: rows) {
                let bottom = tile == nil ? min(height, top + rows) : top + rows
                for left in stride(from: 0, to: width, by: columns) {
                    let range = isPlanar ? plane..<plane + 1 : 0..<samples
                    let rows = (top..<bottom).map { row($0, left..<left + columns, range) }
                    // Runs of PackBits end with a row.
                    result.append(
                        compression == .packBits ? rows.flatMap(compress) : compress(rows.flatMap(\.self)))
                }
            }
        }
        return result
    }

    private func row(_ y: Int, _ columns: Range<Int>, _ range: Range<Int>) -> [UInt8] {
        let values = columns.flatMap { x in range.map { x < width && y < height ? sample(x, y, $0) : 0 } }
        if bits >= 16 { return values.flatMap { number($0, bits / 8) } }
        return pack(values.map { ($0, bits) })
    }

    /// Numbers of some bits each, the highest bit first, to whole bytes.
    private func pack(_ values: [(value: Int, bits: Int)]) -> [UInt8] {
        var (bytes, window, used) = ([UInt8](), 0, 0)
        for (value, count) in values {
            window = window << count | value
            used += count
            while used >= 8 {
                bytes.append(UInt8(truncatingIfNeeded: window >> (used - 8)))
                used -= 8
            }
        }
        return used > 0 ? bytes + [UInt8(truncatingIfNeeded: window << (8 - used))] : bytes
    }

    private func compress(_ data: [UInt8]) -> [UInt8] {
        switch compression {
        case .none: return data
        case .packBits:
            return stride(from: 0, to: data.count, by: 100).flatMap { start in
                let part = data[start..<min(start + 100, data.count)]
                return [UInt8(part.count - 1)] + part
            }
        case .lzw:
            // A clear code before codes would need 10 bits.
            let codes = data.enumerated().flatMap { $0.offset % 200 == 0 ? [256, Int($0.element)] : [Int($0.element)] }
            return pack((codes + [257]).map { ($0, 9) })
        case .deflate:
            var (low, high) = (1, 0)
            for byte in data {
                low = (low + Int(byte)) % 65521
                high = (high + low) % 65521
            }
            let length = data.count
            precondition(length < 65536, "one block")
            let lengths = [length & 255, length >> 8, ~length & 255, ~length >> 8 & 255].map { UInt8($0) }
            let sum = [high >> 8, high & 255, low >> 8, low & 255].map { UInt8($0) }
            return [0x78, 0x01, 0x01] + lengths + data + sum
        }
    }
}
