import Datasets
import Foundation
import Foundations
import NeuralNetworks
import SyntheticTissue
import Tensors
import TestSupport
import Testing
import Training

/// Pseudo-labeling of a network that outlines nuclei, from labels of tiles alone.
@Suite(.kernelTurns) struct PixelLabelRunTests {
    private let folder: TemporaryFolder
    private let set: TileSet

    init() throws {
        folder = try TemporaryFolder()
        try SyntheticDataset(tiles: 24, unlabeled: 2, crops: 0, cropSize: 256, seed: 3)
            .write(to: folder.file("tiles"), threads: 2) { _ in }
        set = try TileSet(
            path: folder.file("tiles"), target: TileTarget(side: 128, micronsPerPixel: 0.5), threads: 2)
    }

    private struct Stop: Error {}

    /// Low thresholds, so that a barely trained network accepts labels.
    private var settings: TrainingSettings {
        var settings = TrainingSettings(.pseudoLabeling, .unet)
        settings.epochs = 2
        settings.batchSize = 8
        settings.split.validationShare = 0.25
        settings.pseudoLabeling?.confidence = 0.500_001
        settings.pseudoLabeling?.largestShift = 1
        return settings
    }

    private func start(_ name: String, cycles: Int = 1) throws -> TrainingRun {
        var settings = settings
        settings.pseudoLabeling?.cycles = cycles
        return try TrainingRun(
            settings, set: set, split: Split(set, settings.split), path: folder.file(name), version: "test",
            command: "nuclei-train", checkpointShare: .infinity)
    }

    private func bits(_ run: TrainingRun, _ name: String) throws -> [Float] {
        try Model(path: run.folder.path.appending(name)).network.state.tensors.flatMap(\.values)
    }

    /// A run that stops at the end of a cycle knows what its network has learned.
    @Test func pixelsOfLaterCyclesAreLabeledAlike() throws {
        var whole = try start("whole", cycles: 2)
        try whole.run(isInterruption: { _ in false }) { _ in }
        try #require(whole.ledger.pixels.contains { $0.cycle == 2 && $0.nuclei > 0 })
        do {
            var run = try start("stopped", cycles: 2)
            #expect(throws: Stop.self) {
                try run.run(isInterruption: { $0 is Stop }) {
                    if case .cycle(let cycle) = $0, cycle.cycle == 1 { throw Stop() }
                }
            }
        }
        var resumed = try TrainingRun(
            resuming: RunFolder(resuming: folder.file("stopped")), set: set, split: Split(set, settings.split))
        try resumed.run(isInterruption: { $0 is Stop }) { _ in }
        #expect(resumed.ledger == whole.ledger)
        for model in ["best.safetensors", "last.safetensors"] {
            let files = try ["stopped", "whole"].map { try FileBytes.data(folder.file("\($0)/\(model)")) }
            #expect(files[0] == files[1], "\(model)")
        }
    }

    @Test func pixelsAreLabeledAndRunsStoppedAnywhereResumeToTheSameBits() throws {
        var whole = try start("whole")
        var events = [String]()
        try whole.run(isInterruption: { _ in false }) { event in
            switch event {
            case .pixelLabels(let records): events.append("pixels \(records.count)")
            case .cycle(let cycle): events.append("cycle \(cycle.cycle)")
            default: events.append("")
            }
        }
        let records = whole.ledger.pixels
        #expect(events.contains("pixels \(records.count)") && events.contains("cycle 1"))
        #expect(records.contains { $0.nuclei > 0 } && records.allSatisfy { $0.cycle == 1 })
        // Training tiles with nuclei, given and accepted ones, and no others.
        let split = whole.trainer.split
        let accepted = Set(whole.ledger.tiles.filter { $0.verdict == .kept && $0.label == .nuclei }.map(\.filename))
        let allowed = Set(split.train.filter { set.tiles[$0].label == .nuclei }.map { set.tiles[$0].filename })
        #expect(Set(records.map(\.filename)).isSubset(of: allowed.union(accepted)))
        #expect(records.allSatisfy { 0...1 ~= $0.nucleiShare + $0.backgroundShare })
        let lines = try folder.text("whole/pixel_labels.csv").split(separator: "\n")
        #expect(lines[0] == "cycle,tile,nuclei,rejected,nuclei_share,background_share")
        #expect(lines.count == 1 + records.count)
        #expect(whole.cycles.count == 2 && whole.cycles[0].pixelLoss == nil)
        // Labels of tiles cannot compare a network that has learned outlines with one that has not.
        #expect(whole.cycles[1].isKept)
        for place in stride(from: 2, through: events.count, by: events.count / 6) {
            let name = "stopped-\(place)"
            do {
                var run = try start(name)
                var count = 0
                #expect(throws: Stop.self) {
                    try run.run(isInterruption: { $0 is Stop }) { _ in
                        count += 1
                        if count == place { throw Stop() }
                    }
                }
            }
            var resumed = try TrainingRun(
                resuming: RunFolder(resuming: folder.file(name)), set: set, split: Split(set, settings.split))
            try resumed.run(isInterruption: { $0 is Stop }) { _ in }
            for model in ["best.safetensors", "last.safetensors"] {
                try compareBits("\(model) after a stop at \(place)", bits(resumed, model), bits(whole, model))
            }
            #expect(resumed.ledger == whole.ledger)
        }
    }
}
