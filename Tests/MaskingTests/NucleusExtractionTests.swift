import Foundation
import Foundations
import Imaging
import Masking
import TestSupport
import Testing

struct NucleusExtractionTests {
    @Test func discsBecomeNuclei() throws {
        // The last one at the corner of the image.
        let discs = [(40.0, 30.0, 8.0), (100.5, 60, 7), (30, 110, 9), (0, 160, 10), (150.2, 149.7, 6)]
            .map { Ellipse(x: $0.0, y: $0.1, a: $0.2, b: $0.2) }
        let sample = SampleImage(width: 160, height: 160, discs)
        for scale in [0.5, 1, 1.98, 2, 4] {
            let nuclei = sample.blocks(scale: scale).nuclei[0]
            try #require(nuclei.count == 5, "scale \(scale)")
            for disc in discs {
                let nucleus = try #require(
                    nuclei.min { (a, b) in
                        hypot(a.measurements.x / scale - disc.x, a.measurements.y / scale - disc.y)
                            < hypot(b.measurements.x / scale - disc.x, b.measurements.y / scale - disc.y)
                    })
                let isInside = disc.x > 10 && disc.y < 140
                let measured = nucleus.measurements
                #expect(abs(Double(nucleus.pixelCount) * 0.25 / scale / scale - Double(measured.area)) < 1e-4)
                guard isInside else { continue }
                #expect(hypot(measured.x / scale - disc.x, measured.y / scale - disc.y) < 0.3, "scale \(scale)")
                let error = Double(measured.area) / (disc.area * 0.25) - 1
                #expect(abs(error) < (scale < 1 ? 0.1 : 0.04), "scale \(scale), area off by \(error)")
                #expect(measured.eccentricity < 0.5 && measured.probability > 0.85)
                if scale > 1 { #expect(measured.circularity > 0.9 && measured.solidity > 0.9) }
            }
        }
    }

    @Test func touchingNucleiAreSeparated() {
        let pair = [Ellipse(x: 40, y: 40, a: 8, b: 8), Ellipse(x: 54, y: 42, a: 8, b: 8)]
        let nuclei = SampleImage(width: 100, height: 80, pair).blocks(scale: 2).nuclei[0]
        #expect(nuclei.count == 2)
        for (nucleus, disc) in zip(nuclei, pair) {
            #expect(hypot(nucleus.measurements.x / 2 - disc.x, nucleus.measurements.y / 2 - disc.y) < 1)
        }
    }

    @Test func sizesAreLimited() {
        // 6 and 9 square microns, 290 and 330.
        let radii = [2.8, 3.4, 19.2, 20.5]
        let discs = radii.enumerated().map {
            Ellipse(x: 40 + 60 * Double($0.offset), y: 50, a: $0.element, b: $0.element)
        }
        let sample = SampleImage(width: 280, height: 100, discs)
        var settings = NucleusSettings.halves
        settings.reach = 30
        let nuclei = sample.blocks(margin: 64, settings: settings).nuclei[0]
        #expect(nuclei.map { $0.center.x / 10 } == [10, 16], "\(nuclei.map(\.measurements.area))")
        settings.smallestSeed = 0.5
        settings.smallest = 2
        settings.largest = 400
        #expect(sample.blocks(margin: 64, settings: settings).nuclei[0].count == 4)
    }

    /// A foreground without much interior is no nucleus. Two parts are two nuclei if some level of the interior parts
    /// them, each larger than a seed must be.
    @Test func objectsAreSplitWhereALevelPartsThem() {
        func nuclei(_ bridge: Float, _ right: Float = 0.95, _ change: (inout NucleusSettings) -> Void = { _ in }) -> Int
        {
            var sample = SampleImage(width: 80, height: 60)
            for y in 20..<32 {
                for x in 20..<50 {
                    let inside: Float = x < 32 ? 0.95 : x < 38 ? bridge : right
                    (sample.interior[y * 80 + x], sample.boundary[y * 80 + x]) = (inside, 0.99 - inside)
                }
            }
            var settings = NucleusSettings.halves
            (settings.seedLevels, settings.joining) = ([0.3, 0.6, 0.9], nil)
            change(&settings)
            return sample.blocks(settings: settings).nuclei[0].count
        }
        #expect(nuclei(0.1, 0.1) { $0.seedLevels = [0.96] } == 0)
        #expect(nuclei(0.1, 0.1) == 1 && nuclei(0.95) == 1 && nuclei(0.92) == 1)
        #expect(nuclei(0.7) == 2 && nuclei(0.4) == 2 && nuclei(0.1) == 2)
        #expect(nuclei(0.5, 0.7) == 2, "parts may have different levels")
        #expect(nuclei(0.7) { $0.seedLevels = [0.6, 0.3] } == 1)
        #expect(nuclei(0.4) { $0.smallestSeed = 36.5 } == 1, "144 pixels are 36 square microns")
        #expect(nuclei(0.1, 0.1) { $0.smallestSeed = 91 } == 0, "360 pixels are 90")
    }

    /// Parts of a nucleus are joined if their union is convex, not too large and not too long, and the parts share a long
    /// border. Of more than two parts, those that fit best are joined.
    @Test func partsOfANucleusAreJoined() {
        /// Areas in pixels of a rectangle with seams, in the order of the parts. Rows of the last part are left out.
        func areas(
            seams: [Int], height: Int = 16, end: Int = 44, missing: Int = 0,
            _ change: (inout NucleusSettings) -> Void = { _ in }
        ) -> [Int] {
            var sample = SampleImage(width: 80, height: 60)
            for y in 20..<20 + height {
                for x in 20..<end where x < (seams.last ?? end) || y >= 20 + missing {
                    let inside: Float = seams.contains(x) ? 0.1 : 0.95
                    (sample.interior[y * 80 + x], sample.boundary[y * 80 + x]) = (inside, 0.99 - inside)
                }
            }
            var settings = NucleusSettings.halves
            change(&settings)
            let nuclei = sample.blocks(margin: 64, settings: settings).nuclei[0]
            return nuclei.sorted { $0.center.x < $1.center.x }.map(\.pixelCount)
        }
        #expect(areas(seams: []).count == 1)
        #expect(areas(seams: [32]) == areas(seams: []))
        #expect(areas(seams: [32]) { $0.joining?.largest = 95 }.count == 2, "384 pixels are 96 square microns")
        #expect(areas(seams: [32]) { $0.joining?.largest = 96 }.count == 1)
        #expect(areas(seams: [32], missing: 6).count == 2, "the union is not convex")
        #expect(areas(seams: [32], missing: 6) { $0.joining?.solidity = 0.85 }.count == 1)
        #expect(areas(seams: [32], missing: 12) { $0.joining?.solidity = 0.5 }.count == 2, "the border is short")
        #expect(areas(seams: [36], end: 51).count == 1)
        #expect(areas(seams: [36], end: 52).count == 2, "32 pixels are more than half the margin")
        // The last part has the corner that is missing, so that the others fit better.
        let three = areas(seams: [27, 35], missing: 3) { $0.joining?.solidity = 0.9 }
        #expect(three.count == 2 && three[0] > three[1], "\(three)")
    }

    /// Settings in records of versions that did not join parts.
    @Test func settingsOfEarlierVersionsAreRead() throws {
        var fields = try #require(
            JSONSerialization.jsonObject(with: JSONEncoder().encode(NucleusSettings())) as? [String: Any])
        try #require(fields.removeValue(forKey: "joining") != nil)
        let found = try JSONDecoder().decode(NucleusSettings.self, from: JSONSerialization.data(withJSONObject: fields))
        var expected = NucleusSettings()
        expected.joining = nil
        #expect(found == expected)
    }

    @Test func inkIsNoNucleus() {
        func count(_ color: [UInt8]) -> Int {
            var sample = SampleImage(width: 60, height: 60, [Ellipse(x: 30, y: 30, a: 10, b: 10)])
            for y in 20..<40 {
                for x in 20..<40 { sample.pixels.replaceSubrange(3 * (60 * y + x)..<3 * (60 * y + x) + 3, with: color) }
            }
            return sample.blocks(scale: 2).nuclei[0].count
        }
        // Green and cyan ink; hematoxylin, also with a blue cast, black, and gray with a green one.
        #expect(count([40, 110, 90]) == 0 && count([30, 48, 76]) == 0 && count([36, 48, 78]) == 0)
        #expect(count([90, 60, 130]) == 1 && count([66, 72, 130]) == 1 && count([5, 5, 5]) == 1)
        #expect(count([110, 125, 112]) == 1)
    }

    @Test func holesAreFilled() throws {
        var sample = SampleImage(width: 60, height: 60, [Ellipse(x: 30, y: 30, a: 10, b: 10)])
        let whole = try #require(sample.blocks(scale: 2).nuclei[0].first)
        for y in 28..<32 {
            for x in 27..<33 { (sample.interior[y * 60 + x], sample.boundary[y * 60 + x]) = (0.1, 0.1) }
        }
        let nuclei = sample.blocks(scale: 2).nuclei[0]
        #expect(nuclei.count == 1 && nuclei[0].runs == whole.runs)
        #expect(nuclei[0].measurements.probability < whole.measurements.probability)
    }

    /// The same nuclei, whatever the cores: with the same outlines and measurements.
    @Test func blocksDoNotMatter() throws {
        for seed in 1...2 as ClosedRange<UInt64> {
            let ellipses = SampleImage.random(seed: seed, count: 250, width: 270, height: 230)
            var sample = SampleImage(width: 270, height: 230, ellipses)
            // Some nuclei fall into parts, to be joined.
            for ellipse in ellipses where Int(ellipse.x) % 2 == 0 && 0..<270 ~= Int(ellipse.x) {
                for y in Int(max(0, ellipse.y - ellipse.a))..<Int(min(230, ellipse.y + ellipse.a)) {
                    let pixel = y * 270 + Int(ellipse.x)
                    sample.boundary[pixel] += sample.interior[pixel]
                    sample.interior[pixel] = 0
                }
            }
            var apart = NucleusSettings.halves
            apart.joining = nil
            try #require(
                sample.blocks(settings: apart).nuclei[0].count > sample.blocks(margin: 64).nuclei[0].count + 20)
            for scale in [1, 2, 1.37] {
                let whole = sample.blocks(margin: 64, scale: scale)
                try #require(whole.nuclei.sorted.count > 100)
                for core in [48, 64, 100] {
                    let parts = sample.blocks(core: core, margin: 64, scale: scale)
                    let (a, b) = (parts.nuclei.sorted, whole.nuclei.sorted)
                    try #require(parts.grid.count > 5 && a.count == b.count, "seed \(seed), core \(core)")
                    for (a, b) in zip(a, b) {
                        try #require(a.runs == b.runs && a.measurements.x == b.measurements.x)
                        // Sums of floats in the same order.
                        try #require(a.measurements == b.measurements)
                    }
                }
            }
        }
    }

    @Test func nucleiDoNotOverlapAndAreConnected() throws {
        let ellipses = SampleImage.random(seed: 9, count: 250, width: 200, height: 200)
        let sample = SampleImage(width: 200, height: 200, ellipses)
        for threshold in [0.25, 0.5, 0.7] as [Float] {
            var settings = NucleusSettings.halves
            settings.foreground = threshold
            for scale in [0.5, 1, 2, 1.98, 3] {
                let (grid, blocks) = sample.blocks(core: 64, margin: 64, scale: scale, settings: settings)
                let places = blocks.joined().flatMap { $0.places(width: grid.width) }
                try #require(places.count > 100 && Set(places).count == places.count)
                for nucleus in blocks.joined() {
                    let polygons = try nucleus.polygon()
                    try #require(polygons.area == nucleus.pixelCount)
                    for run in nucleus.runs {
                        try #require(0..<grid.height ~= run.row && run.pixels.clamped(to: 0..<grid.width) == run.pixels)
                    }
                }
            }
        }
    }

    @Test func colorsAreMeasured() throws {
        var sample = SampleImage(width: 60, height: 60, [Ellipse(x: 30, y: 30, a: 9, b: 9)])
        // 0.5 of hematoxylin and 0.2 of eosin.
        let (h, e) = (StainVectors.ruifrok.hematoxylin, StainVectors.ruifrok.eosin)
        func unit(_ v: SIMD3<Double>) -> SIMD3<Double> { v / (v * v).sum().squareRoot() }
        let density = unit(h) * 0.5 + unit(e) * 0.2
        for pixel in 0..<3600 {
            for channel in 0..<3 {
                sample.pixels[3 * pixel + channel] = UInt8((255 * pow(10, -density[channel])).rounded())
            }
        }
        let measured = try #require(sample.blocks().nuclei[0].first).measurements
        #expect(abs(measured.hematoxylin - 0.5) < 0.01 && abs(measured.eosin - 0.2) < 0.01)
    }

    /// Collagen, muscle and red cells may look like nuclei, but are pink.
    @Test func tissueWithoutHematoxylinHasNoNuclei() throws {
        var sample = SampleImage(width: 120, height: 60, [30, 90].map { Ellipse(x: $0, y: 30, a: 9, b: 9) })
        for y in 0..<60 {
            for x in 0..<60 {
                sample.pixels.replaceSubrange(3 * (y * 120 + x)..<3 * (y * 120 + x) + 3, with: [210, 120, 165])
            }
        }
        func found(_ least: Float?) -> [Double] {
            var settings = NucleusSettings.halves
            settings.leastHematoxylin = least
            return sample.blocks(settings: settings).nuclei[0].map { Double($0.center.x) }
        }
        #expect(NucleusSettings().leastHematoxylin == 0.12)
        let all = found(nil)
        #expect(all.count == 2)
        #expect(found(0.12).count == 1 && found(0.12)[0] == all[1])
        #expect(found(5).isEmpty)
    }

    @Test func unreadablePartsAndGlassHaveNoNuclei() throws {
        let discs = [Ellipse(x: 30, y: 30, a: 8, b: 8), Ellipse(x: 70, y: 30, a: 8, b: 8)]
        let sample = SampleImage(width: 100, height: 60, discs)
        let damage = [PixelRegion(x: 55, y: 0, width: 45, height: 60)]
        #expect(sample.blocks(scale: 2, excluding: damage).nuclei[0].map { $0.center.x / 20 } == [3])
        let tissue = TissueMap(imageWidth: 200, imageHeight: 120, width: 2, height: 1, isTissue: [false, true])
        #expect(sample.blocks(scale: 2, tissue: tissue).nuclei[0].map { $0.center.x / 20 } == [7])
    }

    @Test func probabilitiesOfNoUseGiveNoNuclei() {
        for value in [0, 0.3, 1, .nan, .infinity, -1] as [Float] {
            var sample = SampleImage(width: 90, height: 70)
            sample.interior = sample.interior.map { _ in value }
            #expect(sample.blocks(core: 32, margin: 16).nuclei.joined().isEmpty)
        }
        // An image of one pixel.
        for (width, height) in [(1, 1), (1, 50), (50, 1)] {
            let sample = SampleImage(width: width, height: height, [Ellipse(x: 0, y: 0, a: 9, b: 9)])
            for scale in [1.0, 2] { #expect(sample.blocks(scale: scale).nuclei.count == 1) }
        }
    }
}

struct NucleusShapeTests {
    /// The pixels inside, each `rows` as high as wide.
    private func runs(_ ellipse: Ellipse, rows: Int = 1) -> [Nucleus.Run] {
        (0..<200 / rows).flatMap { y in
            let inside = (0..<200).filter {
                ellipse.distance(Double($0) + 0.5, (Double(y) + 0.5) * Double(rows)) > 0
            }
            return inside.isEmpty ? [] : [Nucleus.Run(row: y, pixels: inside[0]..<inside[inside.count - 1] + 1)]
        }
    }

    @Test func ellipsesHaveTheirMeasurements() {
        for (a, b, degrees) in [
            (30.0, 30.0, 0.0), (40, 20, 0), (40, 20, 90), (45, 15, 30), (45, 15, -50), (60, 40, 45),
        ] {
            let ellipse = Ellipse(x: 100.3, y: 99.6, a: a, b: b, angle: degrees * .pi / 180)
            let measured = Nucleus.Measurements(runs(ellipse), micronsPerPixel: (0.25, 0.25))
            #expect(abs(Double(measured.area) / (ellipse.area / 16) - 1) < 0.01)
            #expect(abs(measured.x - 100.3) < 0.1 && abs(measured.y - 99.6) < 0.1)
            let e = (1 - b * b / (a * a)).squareRoot()
            #expect(abs(Double(measured.eccentricity) - e) < (a == b ? 0.1 : 0.01), "\(a) x \(b)")
            // Ramanujan's approximation.
            let h = (a - b) * (a - b) / ((a + b) * (a + b))
            let perimeter = .pi * (a + b) * (1 + 3 * h / (10 + (4 - 3 * h).squareRoot())) / 4
            #expect(abs(Double(measured.perimeter) / perimeter - 1) < 0.03, "\(a) x \(b) at \(degrees)")
            if a != b {
                let difference = abs(Double(measured.orientation) - degrees)
                #expect(min(difference, 180 - difference) < 1, "\(measured.orientation), \(degrees)")
            }
            #expect(measured.solidity > 0.95 && measured.solidity <= 1)
        }
    }

    @Test func pixelsMayBeRectangles() {
        // A circle in microns.
        let ellipse = Ellipse(x: 100, y: 100, a: 60, b: 30)
        let measured = Nucleus.Measurements(runs(ellipse), micronsPerPixel: (0.25, 0.5))
        #expect(measured.eccentricity < 0.1 && abs(measured.area / Float(ellipse.area / 8) - 1) < 0.01)
        #expect(abs(measured.perimeter / (2 * 15 * .pi) - 1) < 0.02 && measured.circularity > 0.98)
        // Ellipses in microns, whatever the sides of pixels.
        for degrees in stride(from: 0.0, to: 180, by: 15) {
            let square = Nucleus.Measurements(
                runs(Ellipse(x: 100, y: 100, a: 80, b: 40, angle: degrees * .pi / 180)), micronsPerPixel: (0.25, 0.25))
            let flat = Nucleus.Measurements(
                runs(Ellipse(x: 100, y: 100, a: 80, b: 40, angle: degrees * .pi / 180), rows: 2),
                micronsPerPixel: (0.25, 0.5))
            #expect(abs(flat.perimeter / square.perimeter - 1) < 0.05, "\(degrees) degrees")
            #expect(abs(flat.circularity - square.circularity) < 0.08, "\(degrees) degrees")
        }
    }

    @Test func aPixelIsANucleus() {
        let measured = Nucleus.Measurements([.init(row: 5, pixels: 7..<8)], micronsPerPixel: (1, 1))
        #expect(measured.area == 1 && measured.x == 7.5 && measured.y == 5.5 && measured.eccentricity == 0)
        #expect(measured.solidity == 1 && measured.orientation == 0)
        #expect(abs(measured.perimeter - 2.6815) < 0.001 && measured.circularity <= 1)
    }
}
