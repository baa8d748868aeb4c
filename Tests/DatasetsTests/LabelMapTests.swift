import Datasets
import Imaging
import Testing

struct LabelMapTests {
    /// A map from rows of digits.
    private func map(_ rows: [String]) -> LabelMap {
        LabelMap(
            LabelImage(
                width: rows[0].count, height: rows.count,
                labels: rows.flatMap { $0.map { UInt32($0.hexDigitValue ?? 0) } }))
    }

    private func rows(_ map: LabelMap) -> [String] {
        (0..<map.height).map { y in (0..<map.width).map { String(map[$0, y]) }.joined() }
    }

    private func classes(_ rows: [String], _ classes: PixelClasses = PixelClasses(), at mpp: Double? = 0.5) -> [String]
    {
        let source = map(rows)
        let found = classes.map(of: source, micronsPerPixel: mpp).map(String.init)
        return (0..<source.height).map { found[$0 * source.width..<($0 + 1) * source.width].joined() }
    }

    @Test func nucleiAreNumberedInTheOrderOfTheirFirstPixels() {
        let found = map(["0770", "3077", "3300"])
        #expect(rows(found) == ["0110", "2011", "2200"] && found.count == 2)
        #expect(found.areas(x: 0..<4, y: 0..<3) == [5, 4, 3] && found.areas(x: 0..<2, y: 1..<3) == [1, 0, 3])
        #expect(map(["00", "00"]).count == 0)
    }

    @Test func shrinkingTakesTheLabelOfMostOfAPixel() {
        // Three of four pixels, then halves: the pixel under the center decides, at the lower right.
        #expect(rows(map(["1100", "1000"]).resampled(width: 2, height: 1)) == ["10"])
        #expect(rows(map(["0110", "0110"]).resampled(width: 2, height: 1)) == ["10"])
        #expect(rows(map(["1122", "0012"]).resampled(width: 2, height: 1)) == ["02"])
        #expect(rows(map(["1122", "1222"]).resampled(width: 2, height: 1)) == ["12"])
        // A third of the area each: the center decides.
        #expect(rows(map(["120"]).resampled(width: 1, height: 1)) == ["2"])
        // The pixels of 3 in 2 are cut: 1.5 source pixels for each.
        #expect(rows(map(["112"]).resampled(width: 2, height: 1)) == ["12"])
        #expect(rows(map(["0000", "0120", "0340", "0000"]).resampled(width: 2, height: 2)) == ["00", "00"])
    }

    /// Disks keep their area and their center within a part of a pixel.
    @Test func shrinkingByTwoMovesNothing() {
        let side = 200
        let labels = (0..<side * side).map { index -> UInt32 in
            let (x, y) = (Double(index % side) - 99.5, Double(index / side) - 99.5)
            return x * x + y * y < 60 * 60 ? 1 : 0
        }
        let half = LabelMap(LabelImage(width: side, height: side, labels: labels)).resampled(width: 100, height: 100)
        var (area, x, y) = (0.0, 0.0, 0.0)
        for index in half.labels.indices where half.labels[index] == 1 {
            area += 1
            x += Double(index % 100)
            y += Double(index / 100)
        }
        #expect((area * 4 / (.pi * 3600) - 1).magnitude < 0.01)
        #expect((x / area - 49.5).magnitude < 0.1 && (y / area - 49.5).magnitude < 0.1)
    }

    @Test func growingRepeatsPixels() {
        #expect(rows(map(["12", "03"]).resampled(width: 4, height: 4)) == ["1122", "1122", "0033", "0033"])
        let same = map(["12", "03"])
        #expect(same.resampled(width: 2, height: 2) == same)
    }

    @Test func theOutermostPixelsOfNucleiAreBoundary() {
        #expect(
            classes(["0000000", "0111110", "0111110", "0111110", "0000000"])
                == ["0000000", "0222220", "0211120", "0222220", "0000000"])
        // Along another nucleus both have a boundary, and a corner counts.
        #expect(
            classes(["111222", "111222", "111222", "111222"]) == ["112211", "112211", "112211", "112211"])
        #expect(classes(["111", "111", "110"]) == ["111", "122", "120"])
        // The edge of the image is no outline.
        #expect(classes(["111", "111"]) == ["111", "111"])
    }

    @Test func ringsHaveWidthsInMicrons() {
        let nucleus = ["0000000", "0111110", "0111110", "0111110", "0111110", "0111110", "0000000"]
        #expect(classes(nucleus, at: 0.25)[3] == "0221220")
        #expect(classes(nucleus, at: nil) == classes(nucleus) && classes(nucleus, at: 2) == classes(nucleus))
        var wide = PixelClasses()
        wide.ringOutside = 0.5
        #expect(classes(nucleus, wide)[0] == "2222222" && classes(nucleus, wide)[3] == "2211122")
        (wide.ringInside, wide.ringOutside) = (0, 0)
        #expect(classes(nucleus, wide)[1] == "0111110")
    }
}
