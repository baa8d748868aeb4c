import Glibc
import Imaging

/// A model of a microscope and its camera, which turns amounts of stain into bytes.
struct Camera: Sendable {
    let appearance: SlideAppearance
    /// The standard deviation of the blur, in pixels.
    let blur: Float
    let seed: UInt64
    /// The size of the whole image in pixels. Light falls off towards its corners.
    let width: Int
    let height: Int

    /// Writes the pixels of `inner` to `image`. The canvas must extend `Plane.blurReach(blur)` pixels beyond `inner`.
    func expose(_ canvas: Canvas, inner: PixelRegion, into image: inout SyntheticImage) {
        let light = transmitted(canvas).map { $0.blurred(sigma: blur, to: inner) }
        let shade = Plane(inner) { x, y in
            let dx = x / Float(width) - 0.5
            let dy = y / Float(height) - 0.5
            return 1 - 0.05 * (dx * dx + dy * dy)
        }
        let noiseSeed = UInt32(truncatingIfNeeded: seed)
        for row in 0..<inner.height {
            for column in 0..<inner.width {
                let index = row * inner.width + column
                let bits = latticeBits(noiseSeed, Int32(inner.x + column), Int32(inner.y + row))
                let more = latticeBits(noiseSeed ^ 0x5BD1_E995, Int32(inner.x + column), Int32(inner.y + row))
                let pixel = (inner.y + row) * width + inner.x + column
                for channel in 0..<3 {
                    // The sum of two uniform numbers approximates normal noise of one or two gray levels.
                    let shift = UInt32(channel) * 10
                    let draw = Float((bits >> shift) & 1023) + Float((more >> shift) & 1023) - 1023
                    let noise = draw * (appearance.sensorNoise * 2.45 / 1024)
                    let level = light[channel].values[index] * shade.values[index] * 255 + noise
                    image.pixels[pixel * 3 + channel] = UInt8(max(0, min(255, level + 0.5)))
                }
                let from = (inner.y + row - canvas.rect.y) * canvas.rect.width + inner.x + column - canvas.rect.x
                image.truth[pixel] = canvas.truth[from]
            }
        }
    }

    /// The transmitted light for red, green and blue, as a share of full scale.
    private func transmitted(_ canvas: Canvas) -> [Plane] {
        (0..<3).map { channel in
            let h = -appearance.stains.hematoxylin[channel] * appearance.hematoxylinStrength
            let e = -appearance.stains.eosin[channel] * appearance.eosinStrength
            let p = -appearance.stains.pigment[channel]
            let clear = appearance.illumination[channel]
            let light = canvas.truth.indices.map { index in
                let stains = h * canvas.hematoxylin.values[index] + e * canvas.eosin.values[index]
                return clear * exp(stains + p * canvas.pigment.values[index])
            }
            return Plane(canvas.rect, values: light)
        }
    }
}
