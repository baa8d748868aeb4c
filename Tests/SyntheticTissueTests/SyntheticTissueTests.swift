import Datasets
import Foundation
import SyntheticTissue
import Testing

@Suite struct SyntheticTissueTests {
    static let seed: UInt64 = 2001

    /// The share of pixels in nuclei.
    private func nuclearShare(_ image: SyntheticImage) -> Double {
        Double(image.truth.count(where: { $0 != 0 })) / Double(image.truth.count)
    }

    /// The means of red, green and blue over the pixels for which `belongs` is true.
    private func meanColor(_ image: SyntheticImage, where belongs: (Int) -> Bool) -> SIMD3<Double> {
        var sum = SIMD3<Double>.zero
        var count = 0.0
        for index in image.truth.indices where belongs(index) {
            for channel in 0..<3 { sum[channel] += Double(image.pixels[index * 3 + channel]) }
            count += 1
        }
        return sum / max(1, count)
    }

    @Test(arguments: TileKind.allCases)
    func tilesDoNotDependOnOrderOrThreads(kind: TileKind) async {
        let tissue = SyntheticTissue(seed: Self.seed, slide: 3)
        let forwards = (0..<2).map { tissue.tile($0, kind: kind) }
        let backwards = (0..<2).reversed().map { SyntheticTissue(seed: Self.seed, slide: 3).tile($0, kind: kind) }
        #expect(forwards == Array(backwards.reversed()))
        let inParallel = await withTaskGroup(of: (Int, SyntheticImage).self) { group in
            for index in 0..<2 { group.addTask { (index, tissue.tile(index, kind: kind)) } }
            return await group.reduce(into: [Int: SyntheticImage]()) { $0[$1.0] = $1.1 }
        }
        #expect((0..<2).allSatisfy { inParallel[$0] == forwards[$0] })
    }

    @Test func imagesDependOnSeedSlideIndexAndKind() {
        let image = SyntheticTissue(seed: 1, slide: 1).tile(1, kind: .stroma)
        #expect(image != SyntheticTissue(seed: 2, slide: 1).tile(1, kind: .stroma))
        #expect(image != SyntheticTissue(seed: 1, slide: 2).tile(1, kind: .stroma))
        #expect(image != SyntheticTissue(seed: 1, slide: 1).tile(2, kind: .stroma))
        #expect(image.pixels != SyntheticTissue(seed: 1, slide: 1).tile(1, kind: .glass).pixels)
    }

    @Test func theMaskAgreesWithTheKind() {
        for slide in 0..<6 {
            let tissue = SyntheticTissue(seed: Self.seed, slide: slide)
            for kind in TileKind.allCases {
                for index in 0..<2 {
                    let image = tissue.tile(index, kind: kind)
                    let part = nuclearShare(image)
                    let place = "slide \(slide), \(kind), tile \(index)"
                    #expect(image.width == 256 && image.height == 256)
                    #expect(image.pixels.count == 256 * 256 * 3 && image.truth.count == 256 * 256)
                    #expect(image.truth.allSatisfy { $0 == 0 || $0 == 255 }, "\(place)")
                    if kind.hasNuclei {
                        #expect(part >= 0.01, "\(place): nuclear part \(part)")
                        #expect(part < 0.7, "\(place): nuclear part \(part)")
                        #expect(image.nucleusCount > 0, "\(place)")
                        #expect(hasInnerRegion(image.truth, size: 256), "\(place): no whole nucleus")
                    } else {
                        #expect(part == 0, "\(place): nuclear part \(part)")
                        #expect(image.nucleusCount == 0, "\(place)")
                    }
                }
            }
        }
    }

    /// Whether a connected nuclear region does not touch the border. Removes the regions that do, by a flood fill.
    private func hasInnerRegion(_ truth: [UInt8], size: Int) -> Bool {
        var left = truth
        let last = size - 1
        var open: [Int] = []
        for step in 0..<size { open += [step, last * size + step, step * size, step * size + last] }
        while let index = open.popLast() {
            guard left[index] != 0 else { continue }
            left[index] = 0
            let (row, column) = index.quotientAndRemainder(dividingBy: size)
            if row > 0 { open.append(index - size) }
            if row < size - 1 { open.append(index + size) }
            if column > 0 { open.append(index - 1) }
            if column < size - 1 { open.append(index + 1) }
        }
        return left.contains { $0 != 0 }
    }

    @Test func nucleiAreDarkerAndBluerThanTheirSurroundings() {
        for slide in 0..<8 {
            let image = SyntheticTissue(seed: Self.seed, slide: slide).tile(slide, kind: .nuclei)
            let inside = meanColor(image) { image.truth[$0] != 0 }
            let outside = meanColor(image) { image.truth[$0] == 0 }
            #expect(inside.sum() < outside.sum() - 30, "slide \(slide): \(inside) in \(outside)")
            #expect(inside.z - inside.x > outside.z - outside.x + 10, "slide \(slide): \(inside) in \(outside)")
        }
    }

    @Test func stainsAreUnitVectorsThatAbsorbTheRightColors() {
        for slide in 0..<40 {
            let stains = SyntheticTissue(seed: Self.seed, slide: slide).appearance.stains
            let h = stains.hematoxylin
            let e = stains.eosin
            #expect(abs((h * h).sum() - 1) < 1e-5 && abs((e * e).sum() - 1) < 1e-5)
            #expect(h.min() > 0 && e.min() > 0)
            // Hematoxylin is blue and absorbs red. Eosin is pink and absorbs green, but little red.
            #expect(h.x > h.z && e.y > e.x && e.x < h.x, "slide \(slide): \(h), \(e)")
            #expect((h * e).sum() < 0.95, "slide \(slide): the stains are too similar")
            let both = stains.density(hematoxylin: 0.5, eosin: 2, pigment: 0)
            #expect(((both - h * 0.5 - e * 2) * (both - h * 0.5 - e * 2)).sum() < 1e-10)
        }
    }

    @Test func glassIsBrighterThanTissue() {
        for slide in 0..<4 {
            let tissue = SyntheticTissue(seed: Self.seed, slide: slide)
            let glass = meanColor(tissue.tile(0, kind: .glass)) { _ in true }
            let stroma = meanColor(tissue.tile(0, kind: .stroma)) { _ in true }
            #expect(glass.sum() > stroma.sum() + 40)
            #expect(glass.min() > 140)
        }
    }

    @Test(arguments: [(512, 512), (900, 640)])
    func cropsHaveDenseAndEmptyWindows(width: Int, height: Int) {
        for index in 0..<2 {
            let image = SyntheticTissue(seed: Self.seed, slide: index).crop(index, width: width, height: height)
            var parts: [Double] = []
            for top in stride(from: 0, through: height - 256, by: 128) {
                for left in stride(from: 0, through: width - 256, by: 128) {
                    let rows = (top..<top + 256).map { $0 * width + left..<$0 * width + left + 256 }
                    let count = rows.reduce(0) { $0 + image.truth[$1].count(where: { $0 != 0 }) }
                    parts.append(Double(count) / 65536)
                }
            }
            #expect(parts.min()! == 0, "crop \(index): no window without nuclei")
            #expect(parts.max()! > 0.05, "crop \(index): no window with many nuclei, most \(parts.max()!)")
        }
    }

    @Test func blocksOfACropMeetWithoutSeams() {
        // Other block boundaries must not change any byte.
        let tissue = SyntheticTissue(seed: Self.seed, slide: 5)
        let whole = tissue.crop(0, width: 530, height: 514, blockSize: 600)
        let cut = tissue.crop(0, width: 530, height: 514, blockSize: 230)
        #expect(whole.nucleusCount > 10)
        #expect(whole == cut)
    }

    @Test(arguments: [(1, 1), (3, 700), (513, 5), (255, 257)])
    func cropsOfUnusualSizesAreComplete(width: Int, height: Int) {
        let image = SyntheticTissue(seed: Self.seed, slide: 0).crop(0, width: width, height: height)
        #expect(image.pixels.count == width * height * 3 && image.truth.count == width * height)
        // Pixels that were not written would be black.
        #expect(image.pixels.count(where: { $0 == 0 }) * 100 <= image.pixels.count)
    }

    @Test func tileEdgesLookLikeTheCenter() {
        // A blur with too small a border would change the outermost pixels.
        for slide in 0..<3 {
            let image = SyntheticTissue(seed: Self.seed, slide: slide).tile(1, kind: .glass)
            let edge = meanColor(image) { $0 < 256 || $0 % 256 == 0 || $0 % 256 == 255 || $0 >= 255 * 256 }
            let middle = meanColor(image) { (100..<156).contains($0 / 256) && (100..<156).contains($0 % 256) }
            #expect(abs(edge.sum() - middle.sum()) < 24, "slide \(slide): \(edge), \(middle)")
        }
    }
}
