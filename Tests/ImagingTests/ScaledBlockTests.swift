import Foundations
import Imaging
import Testing

/// An image in memory with unreadable and transparent parts.
private final class Source: BlockReader {
    let path: FilePath = "memory"
    let geometry: ImageGeometry
    let image: RGBImage
    let decodedPixels = 0
    var unreadable = [PixelRegion]()
    var clear = [PixelRegion]()

    init(_ image: RGBImage) {
        self.image = image
        geometry = ImageGeometry(width: image.width, height: image.height, largestBlockHeight: 1000)
    }

    func read(_ region: PixelRegion, into block: PixelBlock, threads: Int) throws(FileError) {
        precondition(region.x >= 0 && region.y >= 0 && region.right <= width && region.bottom <= height)
        block.begin(region)
        var colors = [UInt32]()
        for y in region.y..<region.bottom {
            for x in region.x..<region.right {
                let point = PixelRegion(x: x, y: y, width: 1, height: 1)
                let color = (0..<3).reduce(0xFF) { $0 << 8 | UInt32(image.pixels[(y * width + x) * 3 + $1]) }
                colors.append(clear.contains { $0.intersects(point) } ? 0 : color)
            }
        }
        block.compose(region, colors.span, background: 0xFFFFFF)
        for part in unreadable where part.intersects(region) {
            block.markUnreadable(part.intersection(region), FileError(path, .malformed, "no"))
        }
    }
}

@Suite struct ScaledBlockTests {
    private func whole(_ reader: ScaledBlockReader) throws -> [UInt8] {
        let block = PixelBlock()
        try reader.read(PixelRegion(x: 0, y: 0, width: reader.width, height: reader.height), into: block)
        return Array(block.bytes)
    }

    @Test(arguments: [(40, 30), (79, 60), (80, 60), (1, 1), (27, 59), (80, 13)])
    func reductionsAreAreaMeans(_ size: (Int, Int)) throws {
        let image = pattern(80, 60)
        let expected = try RGBImage(reading: DownsamplingReader(ArrayReader(image), width: size.0, height: size.1))
        #expect(try whole(ScaledBlockReader(Source(image), width: size.0, height: size.1)) == expected.pixels)
        // The same through rows that are read once.
        #expect(
            try whole(ScaledBlockReader(RowBlockReader(ArrayReader(image)), width: size.0, height: size.1))
                == expected.pixels)
    }

    @Test(arguments: [(40, 30), (71, 11), (100, 31), (20, 60)])
    func enlargementsAreLinear(_ size: (Int, Int)) throws {
        let image = pattern(40, 11)
        let found = try whole(ScaledBlockReader(Source(image), width: size.0, height: size.1))
        func mean(_ x: Int, _ y: Int, _ channel: Int) -> Double {
            func axis(_ pixel: Int, _ source: Int, _ target: Int) -> [(Int, Double)] {
                if target < source {
                    return (0..<source).compactMap { index in
                        let (from, to) = (
                            Double(pixel * source) / Double(target), Double((pixel + 1) * source) / Double(target)
                        )
                        let length = min(to, Double(index + 1)) - max(from, Double(index))
                        return length > 0 ? (index, length / (to - from)) : nil
                    }
                }
                let place = min(
                    Double(source - 1), max(0, (Double(pixel) + 0.5) * Double(source) / Double(target) - 0.5))
                let first = Int(place)
                return [(first, 1 - (place - Double(first))), (min(first + 1, source - 1), place - Double(first))]
            }
            var sum = 0.0
            for (row, vertical) in axis(y, image.height, size.1) {
                for (column, horizontal) in axis(x, image.width, size.0) {
                    sum += vertical * horizontal * Double(image.pixels[(row * image.width + column) * 3 + channel])
                }
            }
            return sum
        }
        for index in found.indices {
            let expected = mean(index / 3 % size.0, index / 3 / size.0, index % 3)
            #expect((Double(found[index]) - expected).magnitude <= 0.5 + 1e-9, "\(index): \(found[index]), \(expected)")
        }
    }

    @Test(arguments: [(33, 47), (80, 60), (119, 150), (35, 90)])
    func blocksArePartsOfTheWhole(_ size: (Int, Int)) throws {
        let reader = ScaledBlockReader(Source(pattern(80, 60)), width: size.0, height: size.1)
        let all = try whole(reader)
        let block = PixelBlock()
        for (x, y, width, height) in [(0, 0, 7, 5), (5, 3, 28, 20), (size.0 - 9, size.1 - 8, 9, 8), (12, 40, 1, 1)] {
            try reader.read(PixelRegion(x: x, y: y, width: width, height: height), into: block)
            for row in 0..<height {
                let expected = all[((y + row) * size.0 + x) * 3..<((y + row) * size.0 + x + width) * 3]
                #expect(
                    block.bytes[row * width * 3..<(row + 1) * width * 3].elementsEqual(expected),
                    "\(size), row \(y + row)")
            }
        }
    }

    @Test func unreadableAndMissingPartsAreScaled() throws {
        let source = Source(pattern(80, 60))
        source.unreadable = [PixelRegion(x: 20, y: 20, width: 11, height: 10)]
        source.clear = [PixelRegion(x: 40, y: 0, width: 40, height: 60)]
        let reader = ScaledBlockReader(source, width: 40, height: 30)
        let block = PixelBlock()
        try reader.read(PixelRegion(x: 5, y: 5, width: 30, height: 20), into: block)
        #expect(block.unreadable == [PixelRegion(x: 10, y: 10, width: 6, height: 5)])
        #expect(block.isOutside(PixelRegion(x: 20, y: 5, width: 10, height: 10)))
        #expect(!block.isOutside(PixelRegion(x: 19, y: 5, width: 10, height: 10)))
        // Enlarged: every pixel that depends on an unreadable one.
        let larger = ScaledBlockReader(source, width: 160, height: 60)
        try larger.read(PixelRegion(x: 0, y: 0, width: 160, height: 60), into: block)
        #expect(block.unreadable == [PixelRegion(x: 39, y: 20, width: 24, height: 10)])
    }
}
