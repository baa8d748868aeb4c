/// Makes baseline JPEG files of flat 8 x 8 blocks without an encoder. The only coefficient is DC, quantized by 8, so that
/// a block's value, 128 + DC, is stored exactly.
package struct JPEGMaker {
    /// Pixels.
    package var width: Int
    package var height: Int
    /// 1 (gray), 3 or 4.
    package var components: Int
    /// The transform byte of an Adobe marker; nil for no marker.
    package var adobeTransform: UInt8?
    /// 8, or a value that readers must refuse.
    package var precision: UInt8
    /// 0xC0 baseline, 0xC2 progressive (one scan, of DC alone).
    package var startOfFrame: UInt8
    /// Blocks from one restart marker to the next; 0 for none.
    package var restartInterval: Int
    /// Value of a component in the block at column `x`, row `y` of blocks, 0 ... 255.
    package var value: (_ x: Int, _ y: Int, _ component: Int) -> Int

    package init(
        width: Int, height: Int, components: Int, adobeTransform: UInt8? = nil, precision: UInt8 = 8,
        startOfFrame: UInt8 = 0xC0, restartInterval: Int = 0, value: @escaping (Int, Int, Int) -> Int
    ) {
        (self.width, self.height, self.components) = (width, height, components)
        (self.adobeTransform, self.precision, self.startOfFrame) = (adobeTransform, precision, startOfFrame)
        (self.restartInterval, self.value) = (restartInterval, value)
    }

    package var bytes: [UInt8] {
        let ids = (1...components).map { UInt8($0) }
        var file: [UInt8] = [0xFF, 0xD8]
        if let adobeTransform {
            file += Self.segment(0xEE, Array("Adobe".utf8) + [0, 100, 0, 0, 0, 0, adobeTransform])
        }
        file += Self.segment(0xDB, [0] + [UInt8](repeating: 8, count: 64))
        let size = Self.word(height) + Self.word(width)
        file += Self.segment(
            startOfFrame, [precision] + size + [UInt8(components)] + ids.flatMap { [$0, 0x11, 0] as [UInt8] })
        // DC: category c has the 4-bit code c. AC: the only code, one bit, is the end of the block.
        file += Self.segment(0xC4, [0x00, 0, 0, 0, 12] + [UInt8](repeating: 0, count: 12) + (0...11).map { UInt8($0) })
        file += Self.segment(0xC4, [0x10, 1] + [UInt8](repeating: 0, count: 15) + [0])
        if restartInterval > 0 { file += Self.segment(0xDD, Self.word(restartInterval)) }
        let lastCoefficient: UInt8 = startOfFrame == 0xC2 ? 0 : 63
        file += Self.segment(
            0xDA, [UInt8(components)] + ids.flatMap { [$0, 0] as [UInt8] } + [0, lastCoefficient, 0])
        return file + scan + [0xFF, 0xD9]
    }

    private var scan: [UInt8] {
        var (bytes, bits, blocks) = ([UInt8](), BitWriter(), 0)
        var previous = [Int](repeating: 0, count: components)
        for y in 0..<(height + 7) / 8 {
            for x in 0..<(width + 7) / 8 {
                if restartInterval > 0, blocks > 0, blocks.isMultiple(of: restartInterval) {
                    bytes += bits.finish() + [0xFF, 0xD0 | UInt8((blocks / restartInterval - 1) % 8)]
                    previous = [Int](repeating: 0, count: components)
                }
                for component in 0..<components {
                    let dc = value(x, y, component) - 128
                    let step = dc - previous[component]
                    previous[component] = dc
                    let category = Int.bitWidth - step.magnitude.leadingZeroBitCount
                    bits.add(category, 4)
                    bits.add(step < 0 ? step + (1 << category) - 1 : step, category)
                    if startOfFrame != 0xC2 { bits.add(0, 1) }
                }
                blocks += 1
            }
        }
        return bytes + bits.finish()
    }

    package static func segment(_ marker: UInt8, _ data: [UInt8]) -> [UInt8] {
        [0xFF, marker] + word(data.count + 2) + data
    }

    private static func word(_ value: Int) -> [UInt8] { [UInt8(value >> 8), UInt8(value & 255)] }

    /// Bits of a scan, the highest of a byte first. A zero follows each byte 0xFF.
    private struct BitWriter {
        private var bytes = [UInt8]()
        private var (window, used) = (0, 0)

        mutating func add(_ value: Int, _ count: Int) {
            window = window << count | value
            used += count
            while used >= 8 {
                used -= 8
                let byte = UInt8(truncatingIfNeeded: window >> used)
                bytes += byte == 0xFF ? [0xFF, 0] : [byte]
            }
            window &= (1 << used) - 1
        }

        /// Returns the bytes, the last one filled with ones, and starts anew.
        mutating func finish() -> [UInt8] {
            if used > 0 { add((1 << (8 - used)) - 1, 8 - used) }
            defer { self = BitWriter() }
            return bytes
        }
    }
}
