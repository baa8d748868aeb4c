import Foundations
import Imaging
import Testing

@Suite struct DownsamplingTests {
    /// Reference: for each output pixel, the sum of all input pixels weighted by their common area.
    private func reduced(_ image: RGBImage, _ width: Int, _ height: Int) -> RGBImage {
        func overlap(_ input: Int, _ inputs: Int, _ output: Int, _ outputs: Int) -> Int {
            max(0, min((input + 1) * outputs, (output + 1) * inputs) - max(input * outputs, output * inputs))
        }
        var pixels: [UInt8] = []
        let total = image.width * image.height
        for y in 0..<height {
            for x in 0..<width {
                var sums = [0, 0, 0]
                for v in 0..<image.height {
                    for u in 0..<image.width {
                        let area = overlap(u, image.width, x, width) * overlap(v, image.height, y, height)
                        for c in 0..<3 { sums[c] += area * Int(image.pixels[(v * image.width + u) * 3 + c]) }
                    }
                }
                pixels += sums.map { UInt8(($0 + total / 2) / total) }
            }
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    @Test(arguments: [(1, 1), (16, 12), (17, 13), (5, 31)]) func agreesWithTheReference(_ size: (Int, Int)) throws {
        let image = pattern(size.0, size.1)
        for width in Set([1, 2, size.0 / 3, size.0 / 2, size.0 - 1, size.0]) where (1...size.0).contains(width) {
            for height in Set([1, 3, size.1 / 2, size.1 - 1, size.1]) where (1...size.1).contains(height) {
                let reader = DownsamplingReader(ArrayReader(image), width: width, height: height)
                let result = RGBImage(
                    width: width, height: height, pixels: try readAll(reader, rowsAtATime: [1, 2]))
                #expect(difference(result, reduced(image, width, height)) == nil, "to \(width) x \(height)")
            }
        }
    }

    @Test func sameSizeIsTheSameImage() throws {
        let image = pattern(9, 7)
        let reader = DownsamplingReader(ArrayReader(image), width: 9, height: 7)
        #expect(difference(try RGBImage(reading: reader), image) == nil)
    }

    @Test func flatStaysFlat() throws {
        let image = RGBImage(width: 1000, height: 701, pixels: [UInt8](repeating: 255, count: 1000 * 701 * 3))
        let reader = DownsamplingReader(ArrayReader(image), width: 333, height: 99)
        #expect(try RGBImage(reading: reader).pixels.allSatisfy { $0 == 255 })
    }

    @Test func failuresPassThrough() throws {
        let folder = try TemporaryFolder()
        let bytes = PNGMaker(width: 8, height: 8, type: .gray, depth: 8) { x, _, _ in x }.bytes
        let path = try folder.file("a.png", Array(bytes.dropLast(40)))
        let reader = DownsamplingReader(try openImage(path), width: 2, height: 2)
        #expect(fileError { _ = try RGBImage(reading: reader) }?.path == path.string)
    }
}
