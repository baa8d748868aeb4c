import Tensors
import TestSupport

/// Augmentation of a batch of tiles of one size, from a source with gaps and overlaps to a guarded output.
struct AugmentationCase: CustomStringConvertible {
    var height = 16
    var width = 16
    var offsets: [Int64] = [5]
    /// Bytes between the rows of a window.
    var gap = 7

    var description: String { "\(offsets.count) windows \(height)x\(width)" }

    static let sizes = [
        (1, 1), (1, 2), (2, 1), (1, 9), (7, 1), (2, 2), (3, 5), (8, 8), (9, 16), (17, 13), (16, 40), (33, 31),
    ]
    static let swept = sizes.map { AugmentationCase(height: $0.0, width: $0.1) }

    var windows: PixelWindows {
        PixelWindows(height: height, width: width, rowStride: width * 3 + gap, offsets: offsets)
    }
    var tileBytes: Int { height * width * 3 }

    /// Smooth and noisy areas, and some white and black pixels.
    func bytes(_ seed: UInt64) -> [UInt8] {
        let count = Int(offsets.max()!) + (height - 1) * (width * 3 + gap) + width * 3
        return (0..<count).map { index in
            let bits = Formula.bits(seed, index)
            switch bits % 16 {
            case 0: return 255
            case 1: return 0
            case 2..<8: return UInt8((128 + index * 3 % 90 + Int(bits >> 60)) % 256)
            default: return UInt8(truncatingIfNeeded: bits >> 32)
            }
        }
    }

    func tile(_ bytes: [UInt8], _ n: Int) -> NaiveTile {
        let rows = (0..<height).flatMap { row -> ArraySlice<UInt8> in
            let start = Int(offsets[n]) + row * (width * 3 + gap)
            return bytes[start..<start + width * 3]
        }
        return NaiveTile(height: height, width: width, values: rows.map(Double.init))
    }

    /// Output of the kernel. Throws when it wrote outside its output or scratch.
    func run(_ bytes: [UInt8], _ augmentations: [TileAugmentation], threads: Int = 1) throws -> [UInt8] {
        let (count, margin) = (tileBytes * offsets.count, 64)
        let scratch = GuardedTensor([Kernels.augmentationScratchCount(windows, threads: threads)], misalignment: 3)
        var output = [UInt8](repeating: 0xA5, count: count + 2 * margin)
        try output.withUnsafeMutableBytes { output in
            var part = UnsafeMutableRawBufferPointer(rebasing: output[margin..<margin + count]).mutableBytes
            try Kernels.augment(
                &part, bytes.span.bytes, windows, augmentations, threads: threads, scratch: scratch.tensor)
        }
        _ = try scratch.values("scratch")
        let surroundings = output[..<margin] + output[(margin + count)...]
        guard surroundings.allSatisfy({ $0 == 0xA5 }) else { throw Mismatch.outside }
        return Array(output[margin..<margin + count])
    }
}

extension Mismatch {
    static var outside: Mismatch {
        var problem: Mismatch?
        do { try compare("guard bytes of the output", [1.0], [0.0], .exact) } catch { problem = error }
        return problem!
    }
}

extension TileAugmentation {
    static func moved(_ xx: Double, _ xy: Double, _ x0: Double, _ yx: Double, _ yy: Double, _ y0: Double)
        -> TileAugmentation
    {
        var result = TileAugmentation()
        (result.geometry.xx, result.geometry.xy, result.geometry.x0) = (xx, xy, x0)
        (result.geometry.yx, result.geometry.yy, result.geometry.y0) = (yx, yy, y0)
        return result
    }

    /// Every step, with numbers that depend on the seed.
    static func everything(_ seed: UInt64) -> TileAugmentation {
        let u = Formula.values(seed: seed, count: 24)
        var result = moved(
            Double(0.9 + 0.2 * u[0]), Double(0.4 * u[1]), Double(3 * u[2]), Double(0.4 * u[3]),
            Double(0.9 + 0.2 * u[4]), Double(3 * u[5]))
        result.stain = .drawn(u[6...])
        result.color = .drawn(u[14...], seed)
        result.blur = 1 + u[20] / 2
        result.noise = 4 + u[21]
        result.noiseSeed = seed
        result.jpegQuality = 60 + Int(30 * u[22])
        return result
    }
}

extension TileAugmentation.Stain {
    static func drawn(_ u: ArraySlice<Float>) -> Self {
        let u = Array(u)
        var result = Self()
        result.scale = [1 + u[0] / 2, 1 + u[1] / 2, 1 + u[2] / 2]
        result.shift = [u[3] / 5, u[4] / 5, u[5] / 10]
        // Vectors of any length near those of the stains.
        result.hematoxylin = SIMD3(0.65 + Double(u[0]) / 9, 0.7 + Double(u[1]) / 9, 0.3 + Double(u[2]) / 9)
        result.eosin = SIMD3(0.1 + Double(u[3]) / 9, 1.5 + Double(u[4]) / 9, 0.2 + Double(u[5]) / 9)
        result.illumination = [1 + u[6] / 4, 1 - u[6] / 4, 1 + u[7] / 4]
        return result
    }
}

extension TileAugmentation.Color {
    static func drawn(_ u: ArraySlice<Float>, _ seed: UInt64) -> Self {
        let u = Array(u)
        var result = Self()
        (result.brightness, result.contrast) = (1 + u[0] / 2, 1 + u[1] / 2)
        (result.saturation, result.hue) = (1 + u[2], u[3] / 2)
        result.order = Step.allCases.sorted {
            Formula.bits(seed, Int($0.rawValue)) < Formula.bits(seed, Int($1.rawValue))
        }
        return result
    }
}
