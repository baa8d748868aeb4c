import Foundation
import Foundations
import Imaging
import Masking
import NeuralNetworks
import Tensors
import TestSupport
import Testing

struct NucleusEvidenceTests {
    /// Squares of dense hematoxylin of 12 pixels, 30 apart; the network is sure of every other one.
    private static let side = 180
    private static let region = PixelRegion(x: 300, y: 40, width: side, height: side)

    private static func isSquare(_ x: Int, _ y: Int) -> Bool { x % 30 < 12 && y % 30 < 12 }

    private func evidence(
        found: Float = 0.9, missed: Float = 0.2, stain: [UInt8] = [110, 70, 160], around: [UInt8] = [230, 200, 225],
        excluding excluded: [PixelRegion] = []
    ) -> NucleusEvidence {
        var (interior, nucleus) = ([Float](), [Float]())
        var pixels = [UInt8]()
        for y in 0..<Self.side {
            for x in 0..<Self.side {
                let isFound = (x / 30 + y / 30) % 2 == 0
                let probability = Self.isSquare(x, y) ? isFound ? found : missed : 0.05
                interior.append(0.75 * probability)
                nucleus.append(probability)
                // The residual of the stain must not matter.
                pixels += Self.isSquare(x, y) ? stain : around
            }
        }
        let evidence = NucleusEvidence(micronsPerPixel: 0.5)
        take(evidence, Self.region, interior, nucleus, pixels, excluding: excluded)
        return evidence
    }

    private func take(
        _ evidence: NucleusEvidence, _ region: PixelRegion, _ interior: [Float], _ nucleus: [Float], _ pixels: [UInt8],
        excluding excluded: [PixelRegion] = []
    ) {
        let block = PixelBlock()
        block.fill(region) { $0.copyBytes(from: pixels) }
        for part in excluded { block.markUnreadable(part, FileError("a.tif", expected: "a tile", found: "none")) }
        evidence.take(block) { taken, probabilities in
            #expect(taken.region == region && taken.unreadable == excluded)
            probabilities.begin(region.area)
            probabilities.interior.copy(from: Tensor([region.area], interior))
            probabilities.nucleus.copy(from: Tensor([region.area], nucleus))
        }
    }

    private func measured(_ evidence: NucleusEvidence, in part: PixelRegion = region) -> StainContrast? {
        var densities = DensityHistogram()
        evidence.addDensities(in: part, to: &densities)
        return densities.contrast
    }

    /// Probabilities of a nucleus in the middle of a found square, of a missed one, and between them.
    private func probabilities(_ evidence: NucleusEvidence) -> [Float] {
        evidence.withField { field in [(36, 36), (66, 36), (50, 50)].map { field.nucleus[$0.1 * Self.side + $0.0] } }
    }

    @Test func theStainOfFoundNucleiFindsTheOthers() throws {
        let evidence = evidence()
        let before = probabilities(evidence)
        #expect(before == [0.9, 0.2, 0.05])
        let contrast = try #require(measured(evidence))
        // Nuclei have a density of 0.3, their surroundings one of 0.02.
        #expect(0.03...0.25 ~= contrast.threshold && 0.05...0.2 ~= contrast.deviation, "\(contrast)")
        evidence.weigh(by: contrast, weight: 3)
        let after = probabilities(evidence)
        #expect(after[0] > 0.97 && after[1] > 0.7 && after[2] < 0.02, "\(after)")
        // A weight of 0 changes nothing but by rounding.
        let unchanged = self.evidence()
        unchanged.weigh(by: contrast, weight: 0)
        #expect(zip(probabilities(unchanged), before).allSatisfy { abs($0 - $1) < 1e-6 })
    }

    /// The same odds for a paler stain, which the network finds less of.
    @Test func contrastAdaptsToTheStain() throws {
        let (dense, pale) = (evidence(), evidence(stain: [190, 160, 215], around: [240, 225, 240]))
        let (a, b) = (try #require(measured(dense)), try #require(measured(pale)))
        #expect(b.threshold < 0.7 * a.threshold)
        dense.weigh(by: a, weight: 3)
        pale.weigh(by: b, weight: 3)
        #expect(zip(probabilities(dense), probabilities(pale)).allSatisfy { abs($0 - $1) < 0.1 })
    }

    /// Odds change by a factor of at most e to the 3.6, however dense a pixel is.
    @Test func oneBlackSpotIsNoNucleus() {
        let contrast = StainContrast(threshold: 0.1, deviation: 0.02)
        let evidence = evidence(found: 0.01, missed: 0.01, stain: [0, 0, 0])
        evidence.weigh(by: contrast, weight: 3)
        let limit = Float(0.01 * exp(3.6) / (0.01 * exp(3.6) + 0.99))
        #expect(abs(probabilities(evidence)[0] - limit) < 1e-4)
    }

    @Test func tooFewNucleiHaveNoContrast() {
        #expect(measured(evidence(found: 0.4)) == nil)
        // One square and its surroundings.
        #expect(measured(evidence(), in: PixelRegion(x: 300, y: 40, width: 24, height: 24)) == nil)
        #expect(measured(evidence(excluding: [Self.region])) == nil)
        let half = PixelRegion(x: 300, y: 40, width: 90, height: Self.side)
        var (all, some) = (DensityHistogram(), DensityHistogram())
        evidence().addDensities(in: Self.region, to: &all)
        evidence(excluding: [half]).addDensities(in: Self.region, to: &some)
        #expect(all.total > 20_000 && abs(2 * some.total - all.total) < all.total / 10)
    }

    @Test func evidenceOfABlockLeavesNoTraceOfTheOneBefore() throws {
        let contrast = StainContrast(threshold: 0.1, deviation: 0.1)
        let used = evidence(found: 0.4, stain: [190, 160, 215])
        used.weigh(by: contrast, weight: 3)
        func take(_ evidence: NucleusEvidence) {
            self.evidence().withField {
                self.take(evidence, $0.region, Array($0.interior), Array($0.nucleus), Array($0.pixels))
            }
            evidence.weigh(by: contrast, weight: 3)
        }
        let fresh = NucleusEvidence(micronsPerPixel: 0.5)
        take(used)
        take(fresh)
        used.withField { used in
            fresh.withField {
                #expect(used.nucleus.elementsEqual($0.nucleus) && used.interior.elementsEqual($0.interior))
            }
        }
        #expect(measured(used) == measured(fresh))
    }

    /// Far from nuclei there is another stain, which does not count.
    @Test func onlyPixelsNearNucleiCount() throws {
        let width = 400
        var (interior, pixels) = ([Float](repeating: 0, count: width * 100), [UInt8]())
        for y in 0..<100 {
            for x in 0..<width {
                if x < 60, Self.isSquare(x, y) { interior[y * width + x] = 0.9 }
                pixels += x > 120 ? [10, 10, 10] : Self.isSquare(x, y) ? [110, 70, 160] : [230, 200, 225]
            }
        }
        let region = PixelRegion(x: 0, y: 0, width: width, height: 100)
        let evidence = NucleusEvidence(micronsPerPixel: 0.5)
        take(evidence, region, interior, interior, pixels)
        let found = try #require(measured(evidence, in: region))
        #expect(found.threshold < 0.25 && found.deviation < 0.2, "\(found)")
    }
}
