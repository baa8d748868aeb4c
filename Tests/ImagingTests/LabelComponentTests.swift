import Imaging
import Testing

/// Connected components against a flood fill.
@Suite struct LabelComponentTests {
    private func image(_ rows: [String]) -> LabelImage {
        LabelImage(
            width: rows[0].count, height: rows.count,
            labels: rows.joined().map { $0 == "." ? 0 : UInt32(String($0))! })
    }

    private func flooded(_ image: LabelImage, _ connectivity: LabelImage.Connectivity) -> LabelImage {
        var result = LabelImage(width: image.width, height: image.height, labels: image.labels.map { _ in 0 })
        var count: UInt32 = 0
        for start in image.labels.indices where image.labels[start] != 0 && result.labels[start] == 0 {
            count += 1
            var open = [start]
            while let index = open.popLast() {
                if result.labels[index] != 0 { continue }
                result.labels[index] = count
                for dy in -1...1 {
                    for dx in -1...1 where connectivity == .eight || dx == 0 || dy == 0 {
                        let (x, y) = (index % image.width + dx, index / image.width + dy)
                        guard (0..<image.width).contains(x), (0..<image.height).contains(y) else { continue }
                        if image.labels[y * image.width + x] != 0 { open.append(y * image.width + x) }
                    }
                }
            }
        }
        return result
    }

    @Test func randomImages() {
        var random = SystemRandomNumberGenerator()
        for (width, height) in [(1, 1), (1, 9), (9, 1), (2, 2), (17, 13), (40, 30)] {
            for threshold in [2, 5, 8] {
                let labels = (0..<width * height).map { _ in
                    Int.random(in: 0..<10, using: &random) < threshold ? UInt32(255) : 0
                }
                let image = LabelImage(width: width, height: height, labels: labels)
                for connectivity in [LabelImage.Connectivity.four, .eight] {
                    #expect(
                        image.connectedComponents(connectivity) == flooded(image, connectivity),
                        "\(width) x \(height): \(labels)")
                }
            }
        }
    }

    @Test func cornersConnect() {
        let mask = image(["1.1.", ".1..", "...1", "1..1"])
        #expect(mask.connectedComponents() == image(["1.1.", ".1..", "...2", "3..2"]))
        #expect(mask.connectedComponents(.four) == image(["1.2.", ".3..", "...4", "5..4"]))
    }

    @Test func masksAndLabels() {
        for value: UInt32 in [1, 255, 65_535] {
            let mask = LabelImage(width: 3, height: 1, labels: [value, 0, value])
            #expect(mask.isBinary && mask.nuclei.labels == [1, 0, 2])
        }
        for labels: [UInt32] in [[7, 0, 7], [1, 0, 255], [1, 0, 2]] {
            let image = LabelImage(width: 3, height: 1, labels: labels)
            #expect(!image.isBinary && image.nuclei == image)
        }
        let empty = LabelImage(width: 3, height: 1, labels: [0, 0, 0])
        #expect(empty.isBinary && empty.nuclei == empty)
    }

    /// The last row of a comb joins 500 sets.
    @Test func manyJoins() {
        let side = 1000
        let comb = (0..<side * side).map { index -> UInt32 in
            index / side == side - 1 || index % side % 2 == 0 ? 255 : 0
        }
        let image = LabelImage(width: side, height: side, labels: comb)
        #expect(image.connectedComponents().labels == comb.map { $0 / 255 })
    }
}
