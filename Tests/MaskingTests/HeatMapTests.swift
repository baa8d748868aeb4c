import Masking
import TestSupport
import Testing

struct HeatMapTests {
    /// Lightness alone distinguishes probabilities, for readers without color vision.
    @Test func lightnessIncreasesWithProbability() {
        let lights = (0...100).map { step -> Double in
            let color = HeatMap.color(of: Double(step) / 100)
            return 0.2126 * color[0] + 0.7152 * color[1] + 0.0722 * color[2]
        }
        #expect(zip(lights, lights.dropFirst()).allSatisfy { $1 - $0 > 1 })
        #expect(HeatMap.color(of: -1) == HeatMap.color(of: 0) && HeatMap.color(of: 2) == HeatMap.color(of: 1))
        #expect((0...100).allSatisfy { HeatMap.color(of: Double($0) / 100).allSatisfy { (0...255).contains($0) } })
    }

    @Test func opacityIsProportionalToProbability() throws {
        // Two windows side by side, and a remainder that no window covers.
        let grid = WindowGrid(width: 40, height: 16, tile: 16, stride: 16, edges: .none)
        let probabilities = ProbabilityGrid(grid)
        for value in [Float(0), 1] { probabilities.append(value) }
        let field = ProbabilityField(probabilities, blend: .uniform, width: 40, height: 16)
        for (width, height) in [(40, 16), (20, 8), (5, 1)] {
            let picture = (0..<width * height * 3).map { UInt8(truncatingIfNeeded: $0 * 7) }
            let writer = ArrayWriter(width: width, height: height, channels: 3)
            var reported = 0
            try HeatMap.write(
                field, over: ArrayReader(width: width, height: height, pixels: picture), to: writer
            ) { reported = $0 }
            #expect(writer.isFinished && reported == height)
            for index in picture.indices {
                let x = (2 * (index / 3 % width) + 1) * 40 / (2 * width)
                let color = HeatMap.color(of: 1)[index % 3]
                let expected =
                    (16..<32).contains(x) ? Double(picture[index]) * 0.5 + color * 0.5 : Double(picture[index])
                try #require(abs(Double(writer.pixels[index]) - expected) <= 0.51, "byte \(index)")
            }
        }
    }
}
