import Datasets
import Foundations
import NeuralNetworks
import Tensors
import TestSupport
import Testing
import Training

struct CalibrationTests {
    @Test func resultsMatchSciPyAndScikitLearn() throws {
        for golden in try Golden().cases(of: "calibration", atLeast: 4) {
            let (classes, targets) = (try golden.int("classes"), try golden.ints("y"))
            let (seed, scale) = try golden.formula("logits")
            let logits = Formula.values(seed: seed, count: targets.count * classes, scale: scale)
            let scaling = TemperatureScaling.fit(logits: logits, classes: classes, targets: targets)
            let fitted = try golden.double("temperature")
            try compare("\(golden)", [scaling.temperature], [fitted], Tolerance(absolute: 0, relative: 1e-6))
            let plain = TemperatureScaling.identity.probabilities(logits, classes: classes)
            let figures = [
                loss(plain, classes, targets), loss(scaling.probabilities(logits, classes: classes), classes, targets),
                try #require(brierScore(probabilities: plain, classes: classes, targets: targets)),
                try #require(reliability(plain, classes, targets).expectedCalibrationError),
            ]
            let expected = try ["loss_before", "loss_after", "brier", "ece"].map(golden.double)
            try compare("\(golden)", figures, expected, Tolerance(absolute: 1e-9))
            #expect(try reliability(plain, classes, targets).bins.map(\.count) == golden.ints("counts"))
        }
    }

    private func loss(_ probabilities: [Double], _ classes: Int, _ targets: [Int]) -> Double {
        let losses = LabeledProbabilities(classes: classes, rows: probabilities, targets: targets).losses
        return losses.reduce(0, +) / Double(losses.count)
    }

    private func reliability(_ probabilities: [Double], _ classes: Int, _ targets: [Int]) -> Reliability {
        LabeledProbabilities(classes: classes, rows: probabilities, targets: targets).reliability()
    }

    /// Fitting recovers the temperature from labels that were drawn with it.
    @Test(arguments: [0.25, 1, 3.5]) func aKnownTemperatureIsRecovered(temperature: Double) {
        let count = 40_000
        let logits = Formula.values(seed: 1, count: count * 2, scale: 3)
        let truth = TemperatureScaling(temperature: temperature).probabilities(logits, classes: 2)
        let chance = Formula.values(seed: 2, count: count, scale: 0.5).map { Double($0) + 0.5 }
        let targets = (0..<count).map { chance[$0] < truth[$0 * 2] ? 0 : 1 }
        let fitted = TemperatureScaling.fit(logits: logits, classes: 2, targets: targets).temperature
        #expect((fitted / temperature - 1).magnitude < 0.05)
    }

    @Test func calibrationIgnoresClassOrderAndOffsets() {
        let logits: [Float] = [2, -1, 0.5, 1.5, -3, 3, 1, 0, 4, -4]
        let targets = [0, 1, 1, 1, 0]
        let fitted = TemperatureScaling.fit(logits: logits, classes: 2, targets: targets).temperature
        let swapped = stride(from: 0, to: 10, by: 2).flatMap { [logits[$0 + 1] + 8, logits[$0] + 8] }
        let other = TemperatureScaling.fit(logits: swapped, classes: 2, targets: targets.map { 1 - $0 }).temperature
        #expect((fitted - other).magnitude < 1e-12 && fitted > 0.5 && fitted < 5)
    }

    @Test func temperaturesAreBounded() {
        func fit(_ logits: [Float], _ targets: [Int]) -> Double {
            TemperatureScaling.fit(logits: logits, classes: 2, targets: targets).temperature
        }
        #expect(fit([], []) == 1)
        #expect(fit([3, 3, -1, -1], [0, 1]) == 1)
        #expect(fit([5, 0, 0, 5], [1, 0]) == 20)
        // One correct tile with a margin of 2: sigmoid(2 / T) = 1 - 1/3.
        #expect((fit([2, 0], [0]) - 2 / 0.693147180559945).magnitude < 1e-12)
        // Ten correct tiles of one class with a margin of 3: sigmoid(3 / T) = 11/12.
        let oneClass = fit(
            [Float](repeating: 0, count: 20).enumerated().map { $0.offset % 2 == 1 ? 3 : 0 },
            .init(repeating: 1, count: 10))
        #expect((oneClass - 3 / 2.397895272798371).magnitude < 1e-12)
        // Tiny and huge margins.
        #expect(fit([1e-6, 0, 0, 1e-6], [0, 1]) == 0.05)
        #expect(fit([1e30, 0, 0, 1e30], [0, 1]) == 20)
        // A wrong tile with a tiny margin.
        #expect(fit([0, 1e-30, 1, 0], [0, 0]) == 0.05)
    }

    @Test func probabilitiesOfExtremeLogitsAreFinite() {
        let scaling = TemperatureScaling(temperature: 0.05)
        #expect(scaling.probabilities([1e30, -1e30], classes: 2) == [1, 0])
        #expect(TemperatureScaling(temperature: 2).probabilities([0, 0, 7, 7], classes: 2) == [0.5, 0.5, 0.5, 0.5])
        #expect(scaling.probabilities([], classes: 2) == [])
    }

    @Test func binsHoldTheirUpperEdges() throws {
        let reliability = Reliability(
            confidences: [0.5, 0.25, 0.75, 1, 0, 0.6], hits: [true, false, true, true, false, false], bins: 4)
        #expect(reliability.bins.map(\.count) == [2, 1, 2, 1])
        #expect(reliability.bins[2].accuracy == 0.5 && (reliability.bins[2].confidence - 0.675).magnitude < 1e-15)
        // (2 * 0.125 + 0.5 + 2 * 0.175 + 0) / 6
        let error = try #require(reliability.expectedCalibrationError)
        #expect((error - 1.1 / 6).magnitude < 1e-15)
        #expect(Reliability(confidences: [], hits: []).expectedCalibrationError == nil)
        #expect(Reliability(confidences: [], hits: []).bins.count == 15)
        #expect(brierScore(probabilities: [], classes: 2, targets: []) == nil)
        #expect(brierScore(probabilities: [0.8, 0.2, 0.6, 0.4], classes: 2, targets: [0, 1]) == (0.04 + 0.36) / 2)
    }

    @Test func modelsStoreTheirCalibration() throws {
        let statistics = ChannelStatistics(mean: [1, 1, 1], deviation: [1, 1, 1])
        var model = try Model(
            ModelDescription(
                architecture: .lenet5, tileSize: TileSet.tileSize, classes: TileLabel.names, statistics: statistics))
        #expect(try Calibration(model, path: "m") == nil)
        let calibration = Calibration(TemperatureScaling(temperature: 1.75), fittedOn: "validation", tiles: 90)
        model.records[Calibration.key] = try JSON.text(calibration)
        #expect(model.records["calibration"] == #"{"fittedOn":"validation","temperature":1.75,"tiles":90}"#)
        let read = try #require(try Calibration(model, path: "m"))
        #expect(read == calibration && read.scaling.temperature == 1.75)
        for record in [
            "", "1.75", #"{"temperature":1.75}"#, #"{"fittedOn":"validation","temperature":0,"tiles":90}"#,
            #"{"fittedOn":"validation","temperature":-1,"tiles":90}"#,
            #"{"fittedOn":"test","temperature":1e9,"tiles":90}"#, #"{"fittedOn":"test","temperature":1,"tiles":0}"#,
        ] {
            model.records[Calibration.key] = record
            do {
                _ = try Calibration(model, path: "m")
                Issue.record("read \(record)")
            } catch {
                #expect(
                    "\(error)"
                        == "m: expected a calibration with a temperature from 0.05 to 20.0 and a number of tiles, found \(record)"
                )
            }
        }
    }
}
