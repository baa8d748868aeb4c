import Datasets
import NeuralNetworks

/// Ways to train, each a set of defaults.
package enum Strategy: String, Codable, CaseIterable, Sendable {
    /// Few epochs on the tiles as they are.
    case basic
    /// Augmentation, dropout, label smoothing, weight decay, clipping, a falling learning rate, early stopping.
    case regularized
    /// As regularized, then again with unlabelled tiles that the network is sure of.
    case pseudoLabeling = "pseudo-labeling"
}

extension TrainingSettings {
    /// The defaults of a strategy. For `lenet5` they are the reference's; `compact` has its own where it learns better
    /// with them.
    package init(_ strategy: Strategy, _ architecture: Architecture) {
        self.strategy = strategy
        self.architecture = architecture
        if architecture == .compact {
            optimizer = OptimizerSettings(method: .adamw, learningRate: 2e-3, weightDecay: 1e-2)
            schedule = .cosine
        }
        guard strategy != .basic else { return }
        labelSmoothing = 0.1
        clipNorm = 1
        switch architecture {
        case .lenet5:
            epochs = 30
            batchSize = 16
            optimizer = OptimizerSettings(method: .adamw, learningRate: 5e-4, weightDecay: 1e-4)
            schedule = .plateau
            dropout = 0.5
            earlyStopping = EarlyStopping()
            augmentation = .reference
        case .compact:
            epochs = 40
            dropout = 0.2
            balance = .weights
            augmentation = .pathology
        }
        if strategy == .pseudoLabeling {
            pseudoLabelling = PseudoLabelling()
            split.validationShare = Split.Settings.defaultValidationShare
        }
    }
}
