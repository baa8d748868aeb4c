import Benchmarks
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct LayerTimesTests {
    @Test func partsAreTheLayersAndTheirSumIsTheWhole() throws {
        let work = try NetworkWork(.compact, .train, batch: 2)
        var rounds = 0
        let times = try LayerTimes(work, threads: Kernels.threadCount, rounds: 3, instructions: .any) { rounds += 1 }
        #expect(rounds == 3 && times.seconds.count == 3)
        let forward = times.parts.filter { $0.phase == .forward }.map(\.name)
        let backward = times.parts.filter { $0.phase == .backward }.map(\.name)
        #expect(forward == work.model.network.layerNames && backward == forward.reversed())
        #expect(times.parts.filter { $0.phase == .step }.map(\.name) == ["loss", "clip and step"])
        #expect(times.parts.last?.name == "clip and step")
        for round in 0..<3 {
            let sum = times.parts.reduce(0) { $0 + $1.seconds[round] }
            #expect(sum <= times.seconds[round] && sum > 0.8 * times.seconds[round])
        }
        // 16 filters of 3 x 5 x 5 at 128 x 128 places. The backward pass has the weight gradient only.
        let once = 2.0 * 16 * 75 * 128 * 128 * 2
        let conv1 = times.parts.filter { $0.name == "conv1" }
        #expect(conv1.map(\.flops) == [once, once])
        let conv2 = times.parts.filter { $0.name == "layer1.0.conv2" }
        #expect(conv2[1].flops == conv2[0].flops.map { $0 * 2 })
        let lines = times.text.split(separator: "\n")
        let threads = Kernels.threadCount == 1 ? "1 thread" : "\(Kernels.threadCount) threads"
        #expect(lines.first == "compact, training step of 2 tiles, \(threads)")
        #expect(lines.contains { $0.hasPrefix("layer3.0.conv2 ") } && lines.last?.hasPrefix("whole: ") == true)
    }

    @Test func theWorkIsTheSameEveryTime() throws {
        let logits = try (0..<2).map { _ in try NetworkWork(.compact, .infer, batch: 2).logits().values }
        #expect(logits[0] == logits[1] && logits[0].allSatisfy(\.isFinite) && Set(logits[0]).count > 1)
        // A training step changes the weights.
        let work = try NetworkWork(.compact, .train, batch: 2)
        let before = try work.logits().values
        try work.run()
        #expect(try work.logits().values != before)
    }
}
