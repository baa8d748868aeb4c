/// Lowers the learning rate when a watched number stops getting better, as
/// `torch.optim.lr_scheduler.ReduceLROnPlateau` does.
package struct ReduceLROnPlateau: Codable, Equatable, Sendable {
    package enum Mode: String, Codable, Sendable {
        case min, max
    }

    package enum ThresholdMode: String, Codable, Sendable {
        /// Better means by more than a share of the best.
        case rel
        /// Better means by more than the threshold itself.
        case abs
    }

    package var mode = Mode.min
    package var factor = 0.1
    /// Epochs without getting better that are put up with.
    package var patience = 10
    package var threshold = 1e-4
    package var thresholdMode = ThresholdMode.rel
    /// Epochs after a reduction in which nothing is counted.
    package var cooldown = 0
    package var minimumRate = 0.0
    /// Reductions smaller than this are not made.
    package var epsilon = 1e-8

    package private(set) var best: Double?
    private var badEpochs = 0
    private var cooldownLeft = 0

    package init() {}

    /// Takes the newest value of the watched number and the present rate; returns the rate for what follows.
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
