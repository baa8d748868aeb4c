import ArgumentParser
import NeuralNetworks
import Training

/// The defaults of the strategy, the architecture and the validation part.
enum TrainingPreset: String, CaseIterable, ExpressibleByArgument {
    /// Regularized training with a validation part: of outlines where the data set has them, else of tiles.
    case best
    /// The published recipe for LeNet-5.
    case reference

    static let help: ArgumentHelp = """
        Defaults of the strategy, the architecture and the validation part. best: regularized, unet for a data set with \
        outlines and compact for others, --validation. reference: the published recipe, basic, lenet5.
        """

    var strategy: Strategy { self == .best ? .regularized : .basic }
    /// Nil for the default of the strategy.
    var hasValidation: Bool? { self == .best ? true : nil }

    func architecture(hasOutlines: Bool) -> Architecture {
        switch self {
        case .best: hasOutlines ? .unet : .compact
        case .reference: .lenet5
        }
    }
}
