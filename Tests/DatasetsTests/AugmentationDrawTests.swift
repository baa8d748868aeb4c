import Datasets
import Foundation
import Tensors
import Testing

struct AugmentationDrawTests {
    private let side = 256

    private func draws(_ settings: AugmentationSettings, _ count: Int = 2000) -> [(TileAugmentation, Erasure)] {
        (0..<count).map { settings.draw(seed: 7, epoch: 3, tile: $0, side: side) }
    }

    private func share(_ draws: [(TileAugmentation, Erasure)], _ fits: (TileAugmentation, Erasure) -> Bool) -> Double {
        Double(draws.count { fits($0.0, $0.1) }) / Double(draws.count)
    }

    @Test("a draw is a function of seed, epoch and tile", arguments: AugmentationPreset.allCases)
    func determinism(_ preset: AugmentationPreset) {
        let settings = preset.settings
        func draw(_ seed: UInt64, _ epoch: Int, _ tile: Int) -> [String] {
            let drawn = settings.draw(seed: seed, epoch: epoch, tile: tile, side: side)
            return ["\(drawn.pixels)\(drawn.erasure)"]
        }
        #expect(draw(1, 2, 3) == draw(1, 2, 3))
        let all = (1...4).flatMap { seed in
            (1...4).flatMap { epoch in (0..<4).flatMap { draw(UInt64(seed), epoch, $0) } }
        }
        #expect(Set(all).count == 64, "each seed, epoch and tile has different numbers")
    }

    @Test func defaultSettingsChangeNothing() {
        for (pixels, erasure) in draws(AugmentationSettings(), 50) {
            #expect(pixels.geometry == TileAugmentation.Geometry() && pixels.stain == TileAugmentation.Stain())
            #expect(pixels.color == TileAugmentation.Color() && erasure == Erasure())
            #expect(pixels.blur == 0 && pixels.noise == 0 && pixels.jpegQuality == 0)
        }
    }

    /// Tiles are blurred or sharpened, not both.
    @Test func blurredTilesAreNotSharpened() {
        var settings = AugmentationSettings.pathology
        let blurred = draws(settings).map(\.0.blur)
        settings.sharpening = .init(0.5, 0.5...2)
        let drawn = draws(settings).map(\.0)
        for (p, blur) in zip(drawn, blurred) {
            #expect(p.sharpening == 0 ? p.blur == blur : blur == 0 && (0.5...2).contains(p.sharpening))
            #expect(p.sharpening == 0 || (0.7...1.5).contains(p.blur))
        }
        let share = Double(drawn.count { $0.sharpening > 0 }) / Double(drawn.count)
        #expect((0.35...0.45).contains(share), "half of the four fifths that are not blurred")
    }

    @Test func disablingAStepDoesNotChangeTheOthers() {
        let all = draws(.pathology, 200)
        let steps: [(String, (inout AugmentationSettings) -> Void, (inout TileAugmentation) -> Void)] = [
            ("stain", { $0.stain.probability = 0 }, { $0.stain = .init() }),
            ("color", { $0.color.probability = 0 }, { $0.color = .init() }),
            ("blur", { $0.blur.probability = 0 }, { $0.blur = 0 }),
            ("jpeg", { $0.jpeg.probability = 0 }, { $0.jpegQuality = 0 }),
        ]
        for (name, disable, reset) in steps {
            var settings = AugmentationSettings.pathology
            disable(&settings)
            let fewer = draws(settings, 200).map(\.0)
            let expected = all.map { drawn in
                var pixels = drawn.0
                reset(&pixels)
                return pixels
            }
            #expect(fewer == expected && fewer != all.map(\.0), "\(name)")
        }
        var still = AugmentationSettings.pathology
        still.geometry = .init()
        #expect(draws(still, 200).map(\.0.stain) == all.map(\.0.stain))
    }

    @Test func probabilitiesAndRangesAreKept() {
        var settings = AugmentationSettings.pathology
        settings.cutout.probability = 0.5
        settings.noise.probability = 0.4
        let drawn = draws(settings)
        func near(_ actual: Double, _ expected: Double) -> Bool { (actual - expected).magnitude < 0.05 }
        #expect(near(share(drawn) { p, _ in p.blur > 0 }, 0.2) && near(share(drawn) { p, _ in p.noise > 0 }, 0.4))
        #expect(
            near(share(drawn) { p, _ in p.jpegQuality > 0 }, 0.2) && near(share(drawn) { _, e in e.width > 0 }, 0.5))
        #expect(near(share(drawn) { p, _ in p.stain != .init() }, 0.8))
        for (p, e) in drawn {
            #expect(p.blur == 0 || (0.3...1.5).contains(p.blur))
            #expect(p.noise == 0 || (1...6).contains(p.noise))
            #expect(p.jpegQuality == 0 || (30...90).contains(p.jpegQuality))
            #expect((0.75...1.25).contains(p.color.brightness) && (-0.03...0.03).contains(p.color.hue))
            #expect(Set(p.color.order).count == 4)
            let (low, high) = (Float(0.8).nextDown, Float(1.25).nextUp)
            #expect((low...high).contains(p.stain.scale[0]) && (low...high).contains(p.stain.scale[1]))
            #expect(p.stain.scale[2] == 1 && p.stain.shift[2] == 0)
            guard e.width > 0 else { continue }
            #expect(e.x >= 0 && e.y >= 0 && e.x + e.width <= side && e.y + e.height <= side && e.isNoise)
            #expect((0.018...0.155).contains(Double(e.width * e.height) / 65536))
            #expect((0.28...3.5).contains(Double(e.height) / Double(e.width)))
        }
        #expect(Set(drawn.map { $0.0.color.order.map(\.rawValue) }).count == 24)
        #expect(Set(drawn.map(\.1.seed)).count > 900, "each cutout has its own noise")
    }

    @Test func theReferenceHasFlipsRotationJitterAndAnAffineMap() {
        let drawn = draws(.reference)
        var flipped = 0
        for (p, e) in drawn {
            let g = p.geometry
            let determinant = g.xx * g.yy - g.xy * g.yx
            if determinant < 0 { flipped += 1 }
            // The inverse of a map with a scale of 0.9 to 1.1.
            #expect((1 / 1.21 - 1e-9...1 / 0.81 + 1e-9).contains(determinant.magnitude))
            #expect((0.8...1.2).contains(p.color.contrast) && (0.9...1.1).contains(p.color.saturation))
            // The center moves by at most a tenth of the side in either direction.
            let center = Double(side - 1) / 2
            let (dx, dy) = (
                g.xx * center + g.xy * center + g.x0 - center, g.yx * center + g.yy * center + g.y0 - center
            )
            #expect((dx * dx + dy * dy).squareRoot() < 0.1 * 256 * 2.0.squareRoot() * 1.2)
            #expect(p.blur == 0 && p.jpegQuality == 0 && p.stain == .init() && e == Erasure())
        }
        #expect((900...1100).contains(flipped), "an odd number of flips in half of the draws")
    }

    @Test func flipsAndQuarterTurnsAreWholeNumbers() {
        var settings = AugmentationSettings()
        (settings.geometry.horizontalFlip, settings.geometry.verticalFlip, settings.geometry.quarterTurn) = (
            0.5, 0.5, 1
        )
        let seen = Set(
            draws(settings, 400).map { drawn -> [Double] in
                let g = drawn.0.geometry
                let numbers = [g.xx, g.xy, g.x0, g.yx, g.yy, g.y0]
                #expect(numbers.allSatisfy { $0 == $0.rounded() }, "\(numbers)")
                return numbers.map { $0 + 0 }
            })
        #expect(seen.count == 8, "the symmetries of a square")
    }

    @Test(
        "settings can be encoded and decoded, also with the keys of earlier versions",
        arguments: AugmentationPreset.allCases)
    func coding(_ preset: AugmentationPreset) throws {
        let data = try JSONEncoder().encode(preset.settings)
        #expect(try JSONDecoder().decode(AugmentationSettings.self, from: data) == preset.settings)
        #expect(preset.settings != AugmentationSettings())
        let text = String(decoding: data, as: UTF8.self)
        let earlier = text.replacingOccurrences(of: "\"color\"", with: "\"colour\"")
        #expect(earlier != text)
        #expect(try JSONDecoder().decode(AugmentationSettings.self, from: Data(earlier.utf8)) == preset.settings)
    }
}
