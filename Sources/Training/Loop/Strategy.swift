import Datasets
import NeuralNetworks
import Tensors

/// A way to train, which sets the defaults of all hyperparameters.
package enum Strategy: String, Codable, CaseIterable, Sendable {
    /// Few epochs on the original tiles.
    case basic
    /// Augmentation, dropout, label smoothing, weight decay, gradient clipping and a decaying learning rate; for LeNet-5
    /// also early stopping.
    case regularized
    /// Regularized training, repeated with confident labels of unlabeled tiles.
    case pseudoLabeling = "pseudo-labeling"
}

extension TrainingSettings {
    /// The defaults of a strategy. Those for `lenet5` come from the published recipe; the others have their own where they
    /// improve their results.
    package init(_ strategy: Strategy, _ architecture: Architecture) {
        self.strategy = strategy
        self.architecture = architecture
        if architecture.outlinesNuclei {
            pixelLoss = PixelLoss()
            micronsPerPixel = 0.5
        }
        if architecture != .lenet5 {
            optimizer = OptimizerSettings(method: .adamw, learningRate: 2e-3, weightDecay: 1e-2)
            schedule = .cosine
        }
        if architecture == .resnet18 { optimizer.learningRate = 5e-4 }
        guard strategy != .basic else { return }
        labelSmoothing = 0.1
        clipNorm = 1
        augmentation = AugmentationPreset.usual(for: architecture).settings
        switch architecture {
        case .lenet5:
            epochs = 30
            batchSize = 16
            optimizer = OptimizerSettings(method: .adamw, learningRate: 5e-4, weightDecay: 1e-4)
            schedule = .plateau
            dropout = 0.5
            earlyStopping = EarlyStopping()
        case .compact:
            epochs = 40
            dropout = 0.2
            balance = .weights
        case .resnet18: balance = .weights
        case .unet, .unetWide:
            epochs = 60
            optimizer.learningRate = 3e-3
            labelSmoothing = 0
        }
        if strategy == .pseudoLabeling {
            pseudoLabeling = PseudoLabeling()
            split.validationShare = Split.Settings.defaultValidationShare
        }
    }
}

extension AugmentationPreset {
    /// The augmentation of an architecture when none is named.
    package static func usual(for architecture: Architecture) -> AugmentationPreset {
        switch architecture {
        case .lenet5: .reference
        case .compact, .resnet18: .pathology
        case .unet, .unetWide: .scanners
        }
    }
}
