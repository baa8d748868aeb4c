import Foundations
import Glibc
import Imaging
import Tensors

/// The random streams, one for each step.
private enum Stream: UInt64 {
    case flips, quarterTurn, affine, stain, color, blur, noise, jpeg, cutout, sharpening
}

extension AugmentationSettings {
    /// Draws the changes to one tile of `side` x `side` pixels in one epoch. Equal arguments give equal changes.
    ///
    /// `tile` is the index of the tile in its data set.
    package func draw(seed: UInt64, epoch: Int, tile: Int, side: Int) -> (pixels: TileAugmentation, erasure: Erasure) {
        func random(_ stream: Stream) -> SplitMix64 {
            SplitMix64(seed: seed, stream: 0x6175_676D, UInt64(epoch), UInt64(tile), stream.rawValue)
        }
        var pixels = TileAugmentation()
        pixels.geometry = drawGeometry(random, side: side)
        pixels.stain = drawStain(random(.stain))
        pixels.color = drawColor(random(.color))
        pixels.blur = Float(blur.draw(random(.blur)) ?? 0)
        var sharpeningRandom = random(.sharpening)
        if pixels.blur == 0, let strength = sharpening.draw(sharpeningRandom) {
            pixels.sharpening = Float(strength)
            // The first two numbers decided on the strength.
            for _ in 0..<2 { _ = sharpeningRandom.next() }
            pixels.blur = Float(sharpeningRandom.uniform(Self.sharpeningRadius))
        }
        var noiseRandom = random(.noise)
        pixels.noise = Float(noise.draw(noiseRandom) ?? 0)
        pixels.noiseSeed = noiseRandom.next()
        pixels.jpegQuality = Int((jpeg.draw(random(.jpeg)) ?? 0).rounded())
        return (pixels, drawErasure(random(.cutout), side: side))
    }

    private func drawGeometry(_ random: (Stream) -> SplitMix64, side: Int) -> TileAugmentation.Geometry {
        var flips = random(.flips)
        let mirror = Matrix(
            flips.chance(geometry.horizontalFlip) ? -1 : 1, 0, 0, flips.chance(geometry.verticalFlip) ? -1 : 1)
        var turns = random(.quarterTurn)
        let quarters = turns.chance(geometry.quarterTurn) ? Int(turns.next() % 4) : 0
        var map =
            mirror * [Matrix(1, 0, 0, 1), Matrix(0, 1, -1, 0), Matrix(-1, 0, 0, -1), Matrix(0, -1, 1, 0)][quarters]
        var (right, down) = (0.0, 0.0)
        var affine = random(.affine)
        if affine.chance(geometry.affine) {
            let angle = affine.uniform(-geometry.rotation...geometry.rotation) * .pi / 180
            let shear = tan(affine.uniform(-geometry.shear...geometry.shear) * .pi / 180)
            let shrink = 1 / affine.logUniform(geometry.scale)
            right = affine.uniform(-geometry.translation...geometry.translation) * Double(side)
            down = affine.uniform(-geometry.translation...geometry.translation) * Double(side)
            map =
                map * Matrix(shrink, -shear * shrink, 0, shrink)
                * Matrix(cos(angle), sin(angle), -sin(angle), cos(angle))
        }
        // The map is relative to the center of the tile: source - center = map (output - center - shift).
        let center = Double(side - 1) / 2
        var result = TileAugmentation.Geometry()
        (result.xx, result.xy, result.yx, result.yy) = (map.xx, map.xy, map.yx, map.yy)
        result.x0 = center - map.xx * (center + right) - map.xy * (center + down)
        result.y0 = center - map.yx * (center + right) - map.yy * (center + down)
        result.hasWhiteBorder = geometry.hasWhiteBorder
        return result
    }

    private func drawStain(_ random: SplitMix64) -> TileAugmentation.Stain {
        var random = random
        var result = TileAugmentation.Stain()
        guard random.chance(stain.probability) else { return result }
        (result.hematoxylin, result.eosin) = (StainVectors.ruifrok.hematoxylin, StainVectors.ruifrok.eosin)
        for dye in 0..<2 {
            result.scale[dye] = Float(random.logUniform(stain.scale))
            result.shift[dye] = Float(random.uniform(-stain.shift...stain.shift))
        }
        for channel in 0..<3 {
            result.illumination[channel] = Float(1 + random.uniform(-stain.illumination...stain.illumination))
        }
        return result
    }

    private func drawColor(_ random: SplitMix64) -> TileAugmentation.Color {
        var random = random
        var result = TileAugmentation.Color()
        guard random.chance(color.probability) else { return result }
        func factor(_ spread: Double) -> Float { Float(max(0, 1 + random.uniform(-spread...spread))) }
        result.brightness = factor(color.brightness)
        result.contrast = factor(color.contrast)
        result.saturation = factor(color.saturation)
        result.hue = Float(random.uniform(-color.hue...color.hue))
        if color.isShuffled { result.order.shuffle(using: &random) }
        return result
    }

    private func drawErasure(_ random: SplitMix64, side: Int) -> Erasure {
        var random = random
        var result = Erasure()
        guard random.chance(cutout.probability) else { return result }
        // A rectangle that does not fit is drawn again, up to ten times. After that, nothing is erased.
        for _ in 0..<10 {
            let area = random.uniform(cutout.area) * Double(side * side)
            let aspect = random.logUniform(cutout.aspect)
            let (height, width) = ((area * aspect).squareRoot().rounded(), (area / aspect).squareRoot().rounded())
            let (row, column, noiseSeed) = (random.next(), random.next(), random.next())
            guard height >= 1, width >= 1, height < Double(side), width < Double(side) else { continue }
            (result.width, result.height) = (Int(width), Int(height))
            result.x = Int(column % UInt64(side - result.width + 1))
            result.y = Int(row % UInt64(side - result.height + 1))
            result.isNoise = cutout.fill == .noise
            result.seed = noiseSeed
            return result
        }
        return result
    }
}

extension AugmentationSettings.Chance {
    fileprivate func draw(_ random: SplitMix64) -> Double? {
        var random = random
        return random.chance(probability) ? random.uniform(range) : nil
    }
}

extension SplitMix64 {
    fileprivate mutating func chance(_ probability: Double) -> Bool { Double(unit()) < probability }

    fileprivate mutating func uniform(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound + (range.upperBound - range.lowerBound) * Double(unit())
    }

    fileprivate mutating func logUniform(_ range: ClosedRange<Double>) -> Double {
        range.lowerBound == range.upperBound
            ? range.lowerBound : exp(uniform(log(range.lowerBound)...log(range.upperBound)))
    }
}

/// A 2 x 2 matrix.
private struct Matrix {
    let xx, xy, yx, yy: Double

    init(_ xx: Double, _ xy: Double, _ yx: Double, _ yy: Double) {
        (self.xx, self.xy, self.yx, self.yy) = (xx, xy, yx, yy)
    }

    static func * (a: Matrix, b: Matrix) -> Matrix {
        Matrix(
            a.xx * b.xx + a.xy * b.yx, a.xx * b.xy + a.xy * b.yy,
            a.yx * b.xx + a.yy * b.yx, a.yx * b.xy + a.yy * b.yy)
    }
}
