import Imaging
import Masking
import Testing

struct OverlayTests {
    @Test func panelsKeepTheAspectRatioAndAreNeverEnlarged() {
        #expect(Overlay.panel(width: 100, height: 50, side: 200) == (100, 50))
        #expect(Overlay.panel(width: 1000, height: 500, side: 200) == (200, 100))
        #expect(Overlay.panel(width: 3, height: 9000, side: 90) == (1, 90))
    }

    @Test func whitePixelsAreFortyPercentRed() throws {
        let (width, height) = (4, 2)
        let picture = (0..<width * height).flatMap { _ -> [UInt8] in [100, 150, 200] }
        // The left half is nuclei.
        let mask = (0..<width * height).flatMap { [UInt8](repeating: $0 % width < 2 ? 255 : 0, count: 3) }
        let panel = Overlay.panel(width: width, height: height, side: 100)
        let size = Overlay.size(panel: panel)
        let writer = ArrayWriter(width: size.width, height: size.height, channels: 3)
        let coverage = try Overlay.write(
            image: ArrayReader(width: width, height: height, pixels: picture),
            mask: ArrayReader(width: width, height: height, pixels: mask), panel: panel, to: writer)
        #expect(coverage == 0.5)
        #expect(writer.isFinished)
        func pixel(_ x: Int) -> [UInt8] { Array(writer.pixels[x * 3..<x * 3 + 3]) }
        #expect(pixel(0) == [100, 150, 200])
        #expect(pixel(5) == [255, 255, 255])
        #expect(pixel(12) == [255, 255, 255] && pixel(14) == [0, 0, 0])
        #expect(pixel(24) == [162, 90, 120])
        #expect(pixel(26) == [100, 150, 200])
    }

    @Test func theLegendHasAScaleBarWhereTheResolutionIsKnown() throws {
        func legend(_ micronsPerPixel: Double?) throws -> [[UInt8]] {
            let (width, height) = (400, 200)
            let white = [UInt8](repeating: 255, count: width * height * 3)
            let size = Overlay.size(panel: (width, height))
            let writer = ArrayWriter(width: size.width, height: size.height, channels: 3)
            _ = try Overlay.write(
                image: ArrayReader(width: width, height: height, pixels: white),
                mask: ArrayReader(width: width, height: height, pixels: white), panel: (width, height),
                micronsPerPixel: micronsPerPixel, to: writer)
            return (height..<size.height).map { y in
                (0..<size.width).map { writer.pixels[(y * size.width + $0) * 3] }
            }
        }
        // A third of the panel is 133 pixels, or 66.5 microns: the bar is 50 microns long.
        let row = try legend(0.5)[7]
        #expect(row.prefix { $0 == 0 }.count == 100)
        let none = try legend(nil)
        #expect(none.allSatisfy { $0.prefix(400).allSatisfy { $0 == 255 } }, "no scale bar")
        #expect(none.contains { $0.dropFirst(400).contains(0) }, "the meaning of the colors")
        #expect(try legend(0.0001) == none && legend(1e9) == none)
    }

    @Test(arguments: [(1, 1), (3, 900), (900, 2), (40, 40), (20_000, 1)])
    func panelsOfAnyShapeHaveALegend(width: Int, height: Int) throws {
        let pixels = [UInt8](repeating: 255, count: width * height * 3)
        for micronsPerPixel in [nil, 1e-9, 0.5, 1e9] {
            let size = Overlay.size(panel: (width, height))
            let writer = ArrayWriter(width: size.width, height: size.height, channels: 3)
            _ = try Overlay.write(
                image: ArrayReader(width: width, height: height, pixels: pixels),
                mask: ArrayReader(width: width, height: height, pixels: pixels), panel: (width, height),
                micronsPerPixel: micronsPerPixel, to: writer)
            #expect(writer.isFinished)
        }
    }

    @Test func coverageIsThatOfTheWholeMask() throws {
        var mask = [UInt8](repeating: 0, count: 100 * 10 * 3)
        for byte in 0..<3 { mask[byte] = 255 }
        let white = [UInt8](repeating: 255, count: 100 * 10 * 3)
        let panel = Overlay.panel(width: 100, height: 10, side: 20)
        let size = Overlay.size(panel: panel)
        let writer = ArrayWriter(width: size.width, height: size.height, channels: 3)
        let coverage = try Overlay.write(
            image: ArrayReader(width: 100, height: 10, pixels: white),
            mask: ArrayReader(width: 100, height: 10, pixels: mask), panel: panel, to: writer)
        #expect(coverage == 0.001)
    }
}
