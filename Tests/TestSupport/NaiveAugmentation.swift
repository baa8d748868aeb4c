import Foundation
import Tensors

/// Naive reference of tile augmentation, in double precision. Colors are gray levels 0 to 255, rounded after the geometric
/// step only.
package struct NaiveTile {
    package let height: Int
    package let width: Int
    /// [H][W][3].
    package var values: [Double]

    package init(height: Int, width: Int, values: [Double]) {
        (self.height, self.width, self.values) = (height, width, values)
    }

    package func at(_ y: Int, _ x: Int) -> [Double] { (0..<3).map { values[(y * width + x) * 3 + $0] } }

    /// End of a walk of `i` steps from 0 along 0 ... count - 1 that turns around at both ends.
    package static func bounced(_ i: Int, _ count: Int) -> Int {
        if count == 1 { return 0 }
        var (at, step) = (0, 1)
        for _ in 0..<abs(i) {
            if at + step < 0 || at + step >= count { step = -step }
            at += step
        }
        return at
    }

    private func mapped(_ color: ([Double]) -> [Double]) -> NaiveTile {
        var result = self
        for pixel in 0..<height * width {
            result.values.replaceSubrange(
                pixel * 3..<pixel * 3 + 3, with: color(Array(values[pixel * 3..<pixel * 3 + 3])))
        }
        return result
    }

    package func moved(_ g: TileAugmentation.Geometry) -> NaiveTile {
        func source(_ y: Int, _ x: Int) -> [Double] {
            if g.hasWhiteBorder, y < 0 || x < 0 || y >= height || x >= width { return [255, 255, 255] }
            // `bounced` depends on the magnitude only, which mirrors at 0.
            return at(Self.bounced(y, height), Self.bounced(x, width))
        }
        var result = self
        for y in 0..<height {
            for x in 0..<width {
                let (sx, sy) = (
                    g.xx * Double(x) + g.xy * Double(y) + g.x0, g.yx * Double(x) + g.yy * Double(y) + g.y0
                )
                let (left, top) = (Int(sx.rounded(.down)), Int(sy.rounded(.down)))
                let (u, v) = (sx - Double(left), sy - Double(top))
                for c in 0..<3 {
                    result.values[(y * width + x) * 3 + c] =
                        (1 - v) * ((1 - u) * source(top, left)[c] + u * source(top, left + 1)[c])
                        + v * ((1 - u) * source(top + 1, left)[c] + u * source(top + 1, left + 1)[c])
                }
            }
        }
        return result
    }

    package var rounded: NaiveTile { mapped { $0.map { ($0 + 0.5).rounded(.down) } } }

    package func stained(_ stain: TileAugmentation.Stain) -> NaiveTile {
        func unit(_ v: [Double]) -> [Double] { v.map { $0 / (v[0] * v[0] + v[1] * v[1] + v[2] * v[2]).squareRoot() } }
        func determinant(_ a: [Double], _ b: [Double], _ c: [Double]) -> Double {
            a[0] * (b[1] * c[2] - b[2] * c[1]) - a[1] * (b[0] * c[2] - b[2] * c[0]) + a[2] * (b[0] * c[1] - b[1] * c[0])
        }
        let (h, e) = (unit((0..<3).map { stain.hematoxylin[$0] }), unit((0..<3).map { stain.eosin[$0] }))
        let rest = unit([h[1] * e[2] - h[2] * e[1], h[2] * e[0] - h[0] * e[2], h[0] * e[1] - h[1] * e[0]])
        let whole = determinant(h, e, rest)
        return mapped { color in
            let density = color.map { -log10(($0 + 1) / 256) }
            // Cramer's rule for density = amounts[0] h + amounts[1] e + amounts[2] rest.
            var amounts = [
                determinant(density, e, rest) / whole, determinant(h, density, rest) / whole,
                determinant(h, e, density) / whole,
            ]
            for dye in 0..<3 { amounts[dye] = amounts[dye] * Double(stain.scale[dye]) + Double(stain.shift[dye]) }
            return (0..<3).map {
                let density = amounts[0] * h[$0] + amounts[1] * e[$0] + amounts[2] * rest[$0]
                return min(max(256 * pow(10, -density) * Double(stain.illumination[$0]) - 1, 0), 255)
            }
        }
    }

    private static func gray(_ color: [Double]) -> Double {
        0.2989 * color[0] + 0.587 * color[1] + 0.114 * color[2]
    }

    /// factor * color + (1 - factor) * other, clamped to 0 ... 255.
    private static func blend(_ color: [Double], _ other: Double, _ factor: Float) -> [Double] {
        color.map { min(max(Double(factor) * $0 + (1 - Double(factor)) * other, 0), 255) }
    }

    package func colored(_ color: TileAugmentation.Color) -> NaiveTile {
        color.order.reduce(self) { tile, step in
            switch step {
            case .brightness: tile.mapped { Self.blend($0, 0, color.brightness) }
            case .contrast:
                {
                    let sum = (0..<height * width).reduce(0.0) { $0 + Self.gray(tile.at($1 / width, $1 % width)) }
                    let mean = sum / Double(height * width)
                    return tile.mapped { Self.blend($0, mean, color.contrast) }
                }()
            case .saturation: tile.mapped { Self.blend($0, Self.gray($0), color.saturation) }
            case .hue: tile.mapped { Self.turned($0, by: Double(color.hue)) }
            }
        }
    }

    /// Rotates the hue, through HSV with its six sectors.
    private static func turned(_ color: [Double], by turn: Double) -> [Double] {
        let (high, low) = (color.max()!, color.min()!)
        if high == low { return color }
        let chroma = high - low
        var sixths: Double
        if color[0] == high {
            sixths = (color[1] - color[2]) / chroma
        } else if color[1] == high {
            sixths = (color[2] - color[0]) / chroma + 2
        } else {
            sixths = (color[0] - color[1]) / chroma + 4
        }
        sixths += 6 * turn
        sixths -= 6 * (sixths / 6).rounded(.down)
        let part = sixths - sixths.rounded(.down)
        let (falling, rising) = (high - chroma * part, high - chroma * (1 - part))
        switch Int(sixths) % 6 {
        case 0: return [high, rising, low]
        case 1: return [falling, high, low]
        case 2: return [low, high, rising]
        case 3: return [low, falling, high]
        case 4: return [rising, low, high]
        default: return [high, low, falling]
        }
    }

    package func blurred(_ sigma: Float) -> NaiveTile {
        if sigma == 0 { return self }
        let radius = max(1, Int((3 * sigma).rounded(.up)))
        let weights = (-radius...radius).map { exp(-0.5 * Double($0 * $0) / Double(sigma) / Double(sigma)) }
        let sum = weights.reduce(0, +)
        func once(_ tile: NaiveTile, _ dy: Int, _ dx: Int) -> NaiveTile {
            var result = tile
            for y in 0..<height {
                for x in 0..<width {
                    for c in 0..<3 {
                        result.values[(y * width + x) * 3 + c] = (-radius...radius).reduce(0.0) {
                            let (row, column) = (Self.bounced(y + $1 * dy, height), Self.bounced(x + $1 * dx, width))
                            return $0 + weights[$1 + radius] / sum * tile.at(row, column)[c]
                        }
                    }
                }
            }
            return result
        }
        return once(once(self, 0, 1), 1, 0)
    }

    /// The blurred tile or, with a strength, the tile after an unsharp mask.
    package func filtered(_ a: TileAugmentation) -> NaiveTile {
        var result = blurred(a.blur)
        if a.blur == 0 || a.sharpening == 0 { return result }
        for index in values.indices {
            let change = Double(a.sharpening) * (values[index] - result.values[index])
            result.values[index] = min(max(values[index] + change, 0), 255)
        }
        return result
    }

    /// Element i of a stream of N(0, 1) numbers, by the Box-Muller transform.
    package static func normal(_ seed: UInt64, _ i: Int) -> Double {
        let bits = Formula.bits(seed, i / 2)
        let u = Double(Float(bits >> 40) + 0.5) / 16_777_216
        let turn = Double(bits >> 16 & 0xFFFFFF) / 16_777_216
        // Angles start at half a turn.
        let angle = 2 * Double.pi * (turn - 0.5)
        return (-2 * log(u)).squareRoot() * (i % 2 == 0 ? cos(angle) : sin(angle))
    }

    package func noisy(_ sigma: Float, seed: UInt64) -> NaiveTile {
        var result = self
        for index in values.indices {
            let element = index % 3 * height * width + index / 3
            result.values[index] = min(max(values[index] + Double(sigma) * Self.normal(seed, element), 0), 255)
        }
        return result
    }
}
