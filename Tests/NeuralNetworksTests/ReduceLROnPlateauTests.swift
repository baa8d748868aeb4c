import NeuralNetworks
import TestSupport
import Testing

struct ReduceLROnPlateauTests {
    @Test func learningRatesMatchPyTorch() throws {
        for golden in try Golden().cases(of: "reduce_lr_on_plateau", atLeast: 30) {
            let settings = try golden.settings("params")
            var schedule = ReduceLROnPlateau()
            schedule.mode = settings.string("mode", or: "min") == "max" ? .max : .min
            schedule.factor = settings.double("factor", or: 0.1)
            schedule.patience = settings.int("patience", or: 10)
            schedule.threshold = settings.double("threshold", or: 1e-4)
            schedule.thresholdMode = settings.string("threshold_mode", or: "rel") == "abs" ? .abs : .rel
            schedule.cooldown = settings.int("cooldown", or: 0)
            schedule.minimumRate = settings.double("min_lr", or: 0)
            schedule.epsilon = settings.double("eps", or: 1e-8)
            var rate = settings.double("lr0", or: 0.1)
            var rates = [Double]()
            for value in try golden.doubles("metrics") {
                rate = schedule.step(value, rate: rate)
                rates.append(rate)
            }
            try compare("\(golden)", rates, golden.doubles("lr_after"), Tolerance(absolute: 0, relative: 1e-12))
        }
    }
}
