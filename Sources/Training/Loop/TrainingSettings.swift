import Datasets
import NeuralNetworks

/// All that decides how a training run goes. Defaults are the reference's basic training; `Strategy` has the others.
package struct TrainingSettings: Codable, Equatable, Sendable {
    package enum Schedule: String, Codable, CaseIterable, Sendable {
        /// The learning rate stays as it is.
        case constant
        /// Halved when the watched loss has not got better for more than two epochs, down to 1e-6.
        case plateau
        /// Rises over the first tenth of all steps, then falls along half a cosine to nothing at the last one
        /// (Loshchilov, Hutter 2017).
        case cosine
    }

    /// What is done about classes of different size.
    package enum Balance: String, Codable, CaseIterable, Sendable {
        case none
        /// Losses are weighted by the inverse of the class's share.
        case weights
        /// Every epoch draws as many tiles of each class: all of the largest, some of the others more than once.
        case sampling
    }

    package var strategy = Strategy.basic
    package var architecture = Architecture.lenet5
    package var epochs = 20
    package var batchSize = 32
    package var optimizer = OptimizerSettings()
    package var schedule = Schedule.constant
    /// Share of the dense features dropped in training.
    package var dropout: Float = 0
    package var labelSmoothing: Float = 0
    /// Gradients of a larger global norm are scaled down to it.
    package var clipNorm: Float?
    /// nil: every run has all its epochs.
    package var earlyStopping: EarlyStopping?
    package var balance = Balance.none
    /// nil: tiles are learnt as they are.
    package var augmentation: AugmentationSettings?
    /// nil: unlabelled tiles serve for the statistics of the pixels only.
    package var pseudoLabelling: PseudoLabelling?
    /// Path of the model whose weights training starts from; nil for random ones.
    package var initialModel: String?
    package var split = Split.Settings()
    /// Resolution of the tiles, recorded in the model; nil when it is not known.
    package var micronsPerPixel: Double?
    /// Of the initial weights, the order of tiles, augmentation and dropout.
    package var seed: UInt64 = 42

    package init() {}

    /// Whether the weights of the last epoch are kept, not those of the lowest watched loss: a cosine ends at rate 0,
    /// where the losses of epochs differ by chance, and who does not choose does not flatter.
    package var keepsLastEpoch: Bool { schedule == .cosine && earlyStopping == nil }
}

/// One line of the history of a run.
package struct EpochRecord: Codable, Equatable, Sendable {
    /// Of pseudo-labelling; 0 for training on given labels alone.
    package var cycle: Int
    /// Counts from 1 in each cycle.
    package var epoch: Int
    /// Of the epoch's last step.
    package var learningRate: Float
    /// Over the epoch's batches, as the weights changed.
    package var trainLoss: Double
    package var trainAccuracy: Double
    /// On the watched part, after the epoch.
    package var watchedLoss: Double
    package var watchedAccuracy: Double
    package var watchedF1: Double
    /// Of the epoch's training and watching.
    package var seconds: Double
    /// Tiles trained on in a second.
    package var tilesPerSecond: Double
}
