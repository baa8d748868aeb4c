import Datasets
import TestSupport
import Testing

@Suite(.kernelTurns) struct TileQualityTests {
    /// The quality problems of tiles, explored together with a dozen clean tiles, which must have none.
    private func findings(_ crafted: [DrawnTile]) throws -> [[QualityProblem]] {
        let folder = try DatasetFolder()
        let clean = (0..<12).map { DrawnTile(seed: UInt64($0)) }
        try folder.draw((crafted + clean).map { ($0, "", "") })
        let exploration = try folder.exploration()
        for finding in exploration.quality {
            #expect(finding.tile < crafted.count, "a clean tile has \(finding)")
            let isBeyond =
                finding.problem == .blank ? finding.value < finding.threshold : finding.value > finding.threshold
            #expect(isBeyond)
        }
        return crafted.indices.map { index in
            exploration.quality.filter { $0.tile == index }.map(\.problem)
        }
    }

    @Test func glassIsBlankAndPaleTissueIsNot() throws {
        var dust = DrawnTile(color: [240, 240, 242])
        dust.fill(100, 100, 4, 4, [60, 60, 60])
        let pale = DrawnTile(seed: 1, disks: 8, disk: [200, 170, 200], ground: [225, 200, 215])
        let found = try findings([DrawnTile(color: [180, 160, 210]), dust, pale])
        #expect(found == [[.blank], [.blank], []])
    }

    @Test func blurIsDetectedAtAnyContrast() throws {
        let pale = DrawnTile(seed: 3, disks: 20, disk: [180, 150, 190])
        let few = DrawnTile(seed: 4, disks: 2)
        let found = try findings([DrawnTile(seed: 2).blurred(6), pale.blurred(6), pale, few, few.blurred(1)])
        #expect(found == [[.blurred], [.blurred], [], [], []])
    }

    @Test func clippedColorsAreSaturatedAndWhiteGlassIsNot() throws {
        var white = DrawnTile(seed: 5)
        white.fill(0, 0, 256, 100, [255, 255, 255])
        var overexposed = DrawnTile(seed: 6)
        overexposed.fill(0, 0, 256, 20, [255, 240, 255])
        var underexposed = DrawnTile(seed: 7)
        underexposed.fill(0, 0, 256, 20, [60, 0, 40])
        var little = DrawnTile(seed: 8)
        little.fill(0, 0, 256, 10, [255, 240, 255])
        #expect(try findings([white, overexposed, underexposed, little]) == [[], [.saturated], [.saturated], []])
    }

    @Test func inkIsDetectedAndStainsAreNot() throws {
        func marked(_ color: [UInt8], side: Int = 64) -> DrawnTile {
            var tile = DrawnTile(seed: 9)
            tile.fill(32, 32, side, side, color)
            return tile
        }
        let inks: [[UInt8]] = [[60, 180, 150], [40, 70, 160], [220, 40, 50], [30, 32, 30]]
        let found = try findings(inks.map { marked($0) })
        #expect(found == [[.penMarked], [.penMarked], [.penMarked], [.penMarked]])
        // Eosin, blood, hematoxylin, a dark nucleus; below, the black area outside a slide and a small mark.
        let others: [[UInt8]] = [[200, 90, 130], [170, 60, 75], [70, 50, 140], [45, 30, 70]]
        #expect(try findings(others.map { marked($0) }) == [[], [], [], []])
        #expect(try findings([marked([0, 0, 0]), marked([60, 180, 150], side: 24)]) == [[.saturated], []])
    }

    @Test func theThresholdOfASoftSetIsLarger() throws {
        let folder = try DatasetFolder()
        // Half of the tiles are soft, so soft tiles are not unusual.
        try folder.draw((0..<12).map { (DrawnTile(seed: UInt64($0)).blurred($0 % 2 == 0 ? 1 : 5), "", "") })
        let exploration = try folder.exploration()
        #expect(exploration.quality.isEmpty)
        #expect(exploration.thresholds.edgeWidth > QualityThresholds().edgeWidth)
    }
}
