/// Makes baseline JPEG files of flat 8 x 8 blocks without an encoder. The only coefficient is DC, quantized by 8, so that
/// a block's value, 128 + DC, is stored exactly.
struct JPEGMaker {
    /// Pixels.
    var width: Int
    var height: Int
    /// 1 (gray), 3 or 4.
    var components: Int
    /// The transform byte of an Adobe marker; nil for no marker.
    var adobeTransform: UInt8?
    /// 8, or a value that readers must refuse.
    var precision: UInt8 = 8
    /// 0xC0 baseline, 0xC2 progressive (one scan, of DC alone).
    var startOfFrame: UInt8 = 0xC0
    /// Value of a component in the block at column `x`, row `y` of blocks, 0 ... 255.
    var value: (_ x: Int, _ y: Int, _ component: Int) -> Int

    var bytes: [UInt8] {
        let ids = (1...components).map { UInt8($0) }
        var file: [UInt8] = [0xFF, 0xD8]
        if let adobeTransform {
            file += Self.segment(0xEE, Array("Adobe".utf8) + [0, 100, 0, 0, 0, 0, adobeTransform])
        }
        file += Self.segment(0xDB, [0] + [UInt8](repeating: 8, count: 64))
        let size = bigEndian(height)[2...] + bigEndian(width)[2...]
        file += Self.segment(
            startOfFrame, [precision] + size + [UInt8(components)] + ids.flatMap { [$0, 0x11, 0] as [UInt8] })
        // DC: category c has the 4-bit code c. AC: the only code, one bit, is the end of the block.
        file += Self.segment(0xC4, [0x00, 0, 0, 0, 12] + [UInt8](repeating: 0, count: 12) + (0...11).map { UInt8($0) })
        file += Self.segment(0xC4, [0x10, 1] + [UInt8](repeating: 0, count: 15) + [0])
        let lastCoefficient: UInt8 = startOfFrame == 0xC2 ? 0 : 63
        file += Self.segment(
            0xDA, [UInt8(components)] + ids.flatMap { [$0, 0] as [UInt8] } + [0, lastCoefficient, 0])
        return file + scan + [0xFF, 0xD9]
    }

    private var scan: [UInt8] {
        var bits: [Bool] = []
        func append(_ value: Int, _ count: Int) {
            for bit in (0..<count).reversed() { bits.append(value >> bit & 1 == 1) }
        }
        var previous = [Int](repeating: 0, count: components)
        for y in 0..<(height + 7) / 8 {
            for x in 0..<(width + 7) / 8 {
                for component in 0..<components {
                    let dc = value(x, y, component) - 128
                    let step = dc - previous[component]
                    previous[component] = dc
                    let category = Int.bitWidth - step.magnitude.leadingZeroBitCount
                    append(category, 4)
                    append(step < 0 ? step + (1 << category) - 1 : step, category)
                    if startOfFrame != 0xC2 { append(0, 1) }
                }
            }
        }
        while bits.count % 8 != 0 { bits.append(true) }
        var bytes: [UInt8] = []
        for start in stride(from: 0, to: bits.count, by: 8) {
            let byte = bits[start..<start + 8].reduce(UInt8(0)) { $0 << 1 | ($1 ? 1 : 0) }
            bytes += byte == 0xFF ? [0xFF, 0] : [byte]
        }
        return bytes
    }

    static func segment(_ marker: UInt8, _ data: [UInt8]) -> [UInt8] {
        [0xFF, marker] + bigEndian(data.count + 2)[2...] + data
    }
}
