/// Composes premultiplied 0xAARRGGBB pixels over a background of 0xRRGGBB:
/// rgb = premultiplied + background * (1 - alpha). `rgb` holds 3 bytes per pixel.
package func composeRGB(
    _ rgb: inout MutableRawSpan, premultiplied: Span<UInt32>, background: UInt32
) {
    precondition(rgb.byteCount == 3 * premultiplied.count)
    for i in premultiplied.indices {
        var pixel = premultiplied[unchecked: i]
        let rest = 255 - pixel >> 24
        if rest != 0 {
            var composed: UInt32 = 0
            for shift: UInt32 in [16, 8, 0] {
                let below = (background >> shift & 0xFF) * rest
                composed |= min(255, pixel >> shift & 0xFF + (below + 127) / 255) << shift
            }
            pixel = composed
        }
        rgb.storeBytes(of: UInt8(truncatingIfNeeded: pixel >> 16), toUncheckedByteOffset: 3 * i, as: UInt8.self)
        rgb.storeBytes(of: UInt8(truncatingIfNeeded: pixel >> 8), toUncheckedByteOffset: 3 * i + 1, as: UInt8.self)
        rgb.storeBytes(of: UInt8(truncatingIfNeeded: pixel), toUncheckedByteOffset: 3 * i + 2, as: UInt8.self)
    }
}
