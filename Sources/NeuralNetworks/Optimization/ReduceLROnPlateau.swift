/// Reduces the learning rate when a metric stops improving, as `torch.optim.lr_scheduler.ReduceLROnPlateau` does.
package struct ReduceLROnPlateau: Codable, Equatable, Sendable {
    package enum Mode: String, Codable, Sendable {
        case min, max
    }

    package enum ThresholdMode: String, Codable, Sendable {
        /// The threshold is a fraction of the best value.
        case rel
        /// The threshold is an absolute difference.
        case abs
    }

    package var mode = Mode.min
    package var factor = 0.1
    /// Epochs without improvement before a reduction.
    package var patience = 10
    /// Smallest change that counts as an improvement.
    package var threshold = 1e-4
    package var thresholdMode = ThresholdMode.rel
    /// Epochs after a reduction that do not count towards `patience`.
    package var cooldown = 0
    package var minimumRate = 0.0
    /// Smallest reduction that is applied.
    package var epsilon = 1e-8

    package private(set) var best: Double?
    private var badEpochs = 0
    private var cooldownLeft = 0

    package init() {}

    /// Whether the counters can be those of a schedule.
    package var isValid: Bool { 0...max(0, patience) ~= badEpochs && 0...max(0, cooldown) ~= cooldownLeft }

    /// Returns the learning rate for the next epoch, given the metric and the learning rate of the last one.
    package mutating func step(_ value: Double, rate: Double) -> Double {
        if isBetter(value) {
            best = value
            badEpochs = 0
        } else {
            badEpochs += 1
        }
        if cooldownLeft > 0 {
            cooldownLeft -= 1
            badEpochs = 0
        }
        guard badEpochs > patience else { return rate }
        cooldownLeft = cooldown
        badEpochs = 0
        let lower = max(rate * factor, minimumRate)
        return rate - lower > epsilon ? lower : rate
    }

    private func isBetter(_ value: Double) -> Bool {
        let best = best ?? (mode == .min ? .infinity : -.infinity)
        return switch (mode, thresholdMode) {
        case (.min, .rel): value < best * (1 - threshold)
        case (.min, .abs): value < best - threshold
        case (.max, .rel): value > best * (1 + threshold)
        case (.max, .abs): value > best + threshold
        }
    }
}
