/// Composes premultiplied 0xAARRGGBB pixels over a background of 0xRRGGBB:
/// rgb = premultiplied + background * (1 - alpha). `rgb` holds 3 bytes per pixel.
package func composeRGB(_ rgb: inout MutableRawSpan, premultiplied: Span<UInt32>, background: UInt32) {
    precondition(rgb.byteCount == 3 * premultiplied.count)
    rgb.withUnsafeMutableBytes { bytes in
        premultiplied.withUnsafeBufferPointer { pixels in
            guard let bytes = bytes.baseAddress else { return }
            var i = 0
            while i < pixels.count {
                // Most pixels are opaque: four at a time, as three words.
                if i + 4 <= pixels.count, pixels[i] & pixels[i + 1] & pixels[i + 2] & pixels[i + 3] >= 0xFF00_0000 {
                    let (a, b) = (pixels[i].byteSwapped >> 8, pixels[i + 1].byteSwapped >> 8)
                    let (c, d) = (pixels[i + 2].byteSwapped >> 8, pixels[i + 3].byteSwapped >> 8)
                    let words = (a | b << 24, b >> 8 | c << 16, c >> 16 | d << 8)
                    bytes.storeBytes(of: words.0.littleEndian, toByteOffset: 3 * i, as: UInt32.self)
                    bytes.storeBytes(of: words.1.littleEndian, toByteOffset: 3 * i + 4, as: UInt32.self)
                    bytes.storeBytes(of: words.2.littleEndian, toByteOffset: 3 * i + 8, as: UInt32.self)
                    i += 4
                    continue
                }
                let pixel = composed(pixels[i], over: background)
                bytes.storeBytes(of: UInt8(truncatingIfNeeded: pixel >> 16), toByteOffset: 3 * i, as: UInt8.self)
                bytes.storeBytes(of: UInt8(truncatingIfNeeded: pixel >> 8), toByteOffset: 3 * i + 1, as: UInt8.self)
                bytes.storeBytes(of: UInt8(truncatingIfNeeded: pixel), toByteOffset: 3 * i + 2, as: UInt8.self)
                i += 1
            }
        }
    }
}

/// Averages squares of 2 x 2 premultiplied pixels, rounded half up, to the start of a buffer. At the right and lower
/// edge of an odd size, those that exist.
package func averagePairs(
    _ source: Span<UInt32>, width: Int, height: Int, into pixels: UnsafeMutableBufferPointer<UInt32>
) {
    precondition(source.count >= width * height && pixels.count >= (width + 1) / 2 * ((height + 1) / 2))
    var place = 0
    for y in stride(from: 0, to: height, by: 2) {
        let rows = [y, min(y + 1, height - 1)]
        for x in stride(from: 0, to: width, by: 2) {
            let columns = [x, min(x + 1, width - 1)]
            var result: UInt32 = 0
            for shift: UInt32 in [24, 16, 8, 0] {
                var sum: UInt32 = 2
                for row in rows { for column in columns { sum += source[row * width + column] >> shift & 0xFF } }
                result |= (sum / 4) << shift
            }
            pixels[place] = result
            place += 1
        }
    }
}

/// 0xRRGGBB in the lower bits; the upper bits are undefined.
@inline(__always)
private func composed(_ pixel: UInt32, over background: UInt32) -> UInt32 {
    let rest = 255 - pixel >> 24
    if rest == 0 { return pixel }
    var result: UInt32 = 0
    for shift: UInt32 in [16, 8, 0] {
        let below = (background >> shift & 0xFF) * rest
        result |= min(255, pixel >> shift & 0xFF + (below + 127) / 255) << shift
    }
    return result
}
