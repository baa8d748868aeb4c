import Datasets
import Foundations
import Imaging
import NeuralNetworks
import Tensors
import TestSupport
import Testing
import Training

@Suite(.kernelTurns) struct PixelTeacherTests {
    private static let side = 128
    private static let stained: [UInt8] = [110, 70, 160]
    private static let around: [UInt8] = [230, 200, 225]

    /// Disks of 9 pixels' radius, 32 apart.
    private static func distance(_ x: Int, _ y: Int) -> Double {
        let (dx, dy) = (x % 32 - 16, y % 32 - 16)
        return Double(dx * dx + dy * dy).squareRoot()
    }

    /// Two tiles of one group, with and without stained disks.
    private let set: TileSet

    init() throws {
        let folder = try TemporaryFolder()
        try folder.file("labels.csv", "filename,label,group\na.png,NUCLEI,slide\nb.png,NUCLEI,slide\n")
        for name in ["a.png", "b.png"] {
            let pixels = (0..<Self.side).flatMap { y in
                (0..<Self.side).flatMap { x in
                    name == "a.png" && Self.distance(x, y) <= 9 ? Self.stained : Self.around
                }
            }
            let writer = try PNGWriter(path: folder.file(name), width: Self.side, height: Self.side, channels: .rgb)
            try pixels.withUnsafeBytes { try writer.write(rows: $0, count: Self.side) }
            try writer.finish()
        }
        set = try TileSet(path: folder.path, target: TileTarget(side: Self.side, micronsPerPixel: 0.5), threads: 1)
    }

    /// A network that gives every pixel the same probabilities, from logits by `PixelClass`.
    private func model(_ logits: [Float]) throws -> Model {
        let model = try Model(
            ModelDescription(
                architecture: .unet, tileSize: Self.side, classes: TileLabel.names,
                statistics: ChannelStatistics(mean: [128, 128, 128], deviation: [64, 64, 64]), micronsPerPixel: 0.5))
        try model.network.initialize(seed: 1)
        for (name, tensor) in model.network.parameters.named {
            if name == "head.weight" { tensor.fill(0) }
            if name == "head.bias" {
                tensor.withUnsafeMutableBuffer { bias in for index in bias.indices { bias[index] = logits[index / 4] } }
            }
        }
        return model
    }

    private func labels(_ logits: [Float], knowsOutlines: Bool) throws -> [Int: PixelLabels] {
        var done = [Int]()
        let labels = try PixelTeacher(model(logits), set, knowsOutlines: knowsOutlines)
            .labels(of: [0, 1]) { done.append($0) }
        #expect(done.count == 2)
        return labels
    }

    /// The stain decides on pixels where the network has learned none, and tips the balance where it is unsure.
    @Test(arguments: [([-4, 0, 4] as [Float], false), ([0, 0.5, -2], true)])
    func nucleiHaveTheStain(logits: [Float], knowsOutlines: Bool) throws {
        let labels = try labels(logits, knowsOutlines: knowsOutlines)
        let found = try #require(labels[0])
        #expect(found.nuclei == 16 && found.rejected == 0)
        for y in 0..<Self.side {
            for x in 0..<Self.side {
                let value = found.map[y * Self.side + x]
                switch Self.distance(x, y) {
                case ...7: #expect(value == PixelClass.interior.rawValue, "\(x), \(y)")
                // The stain is smoothed.
                case ...11: break
                default: #expect(value == PixelClass.background.rawValue, "\(x), \(y)")
                }
            }
        }
        // Each disk has a ring of boundary, and nothing else.
        let ring = found.map.indices.filter { found.map[$0] == PixelClass.boundary.rawValue }
        #expect(16 * 40...16 * 70 ~= ring.count)
        #expect(ring.allSatisfy { 7...11 ~= Self.distance($0 % Self.side, $0 / Self.side) })
        let empty = try #require(labels[1])
        #expect(empty.nuclei == 0 && empty.map.allSatisfy { $0 == PixelClass.background.rawValue })
    }

    @Test func aNetworkThatSeesNoNucleusLabelsNone() throws {
        #expect(try labels([6, 0, 0], knowsOutlines: false).isEmpty)
        let labels = try labels([6, 0, 0], knowsOutlines: true)
        #expect(labels.count == 2)
        #expect(labels.values.allSatisfy { $0.nuclei == 0 && $0.map.allSatisfy { $0 == 0 } })
    }

    /// The network takes all of each tile for one nucleus, which is larger than nuclei are.
    @Test func whatIsNeitherNucleusNorBackgroundIsIgnored() throws {
        let labels = try labels([-4, 4, 0], knowsOutlines: true)
        for tile in [0, 1] {
            let found = try #require(labels[tile])
            #expect(found.nuclei == 0 && !found.map.contains(PixelClass.interior.rawValue))
            #expect(found.map.contains(PixelClass.ignored))
        }
    }
}
