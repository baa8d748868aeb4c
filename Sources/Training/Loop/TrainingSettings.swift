import Datasets
import NeuralNetworks
import Tensors

/// All settings of a training run. The initial values are those of basic training of LeNet-5; `Strategy` has the others.
package struct TrainingSettings: Codable, Equatable, Sendable {
    package enum Schedule: String, Codable, CaseIterable, Sendable {
        /// A constant learning rate.
        case constant
        /// Halves the learning rate after more than two epochs without improvement of the watched loss, down to 1e-6.
        case plateau
        /// Linear warm-up over the first tenth of all steps, then a cosine decay to 0 (Loshchilov, Hutter 2017).
        case cosine
    }

    /// The compensation for classes of different size.
    package enum Balance: String, Codable, CaseIterable, Sendable {
        case none
        /// Weights losses by the inverse of the class's share.
        case weights
        /// Draws the same number of tiles of each class in every epoch: all of the largest class, and tiles of the
        /// others repeatedly.
        case sampling
    }

    package var strategy = Strategy.basic
    package var architecture = Architecture.lenet5
    package var epochs = 20
    package var batchSize = 32
    package var optimizer = OptimizerSettings()
    package var schedule = Schedule.constant
    /// Dropout rate of the dense layers, or of the coarsest features of a U-Net.
    package var dropout: Float = 0
    package var labelSmoothing: Float = 0
    /// The largest global norm of the gradients; larger ones are scaled down. Nil for no clipping.
    package var clipNorm: Float?
    /// Nil for no early stopping.
    package var earlyStopping: EarlyStopping?
    package var balance = Balance.none
    /// Nil for no augmentation.
    package var augmentation: AugmentationSettings?
    /// Nil for no pseudo-labeling: unlabeled tiles then contribute to the channel statistics only.
    package var pseudoLabeling: PseudoLabeling?
    /// The loss of a network that outlines nuclei; nil for one that classifies tiles.
    package var pixelLoss: PixelLoss?
    /// Path of the model with the initial weights. Nil for random weights.
    package var initialModel: String?
    /// Paths of the models whose outputs the network learns, in addition to labels and outlines. Nil for none.
    package var teachers: [String]?
    /// What training changes in the initial model. Nil for everything, at the same rate.
    package var fineTuning: FineTuning?
    package var split = Split.Settings()
    /// Resolution of the tiles in microns per pixel, recorded in the model; tiles of a known other one are resampled. Nil
    /// when unknown.
    package var micronsPerPixel: Double?
    /// Seed of the initial weights, the order of tiles, augmentation and dropout.
    package var seed: UInt64 = 42

    /// The keys in run records, checkpoints and models, some of which keep the spelling of earlier versions.
    private enum CodingKeys: String, CodingKey {
        case strategy, architecture, epochs, batchSize, optimizer, schedule, dropout, labelSmoothing, clipNorm
        case earlyStopping, balance, augmentation, pixelLoss, initialModel, teachers, fineTuning, split, micronsPerPixel
        case seed
        case pseudoLabeling = "pseudoLabelling"
    }

    package init() {}

    /// The size and resolution of the tiles that the network is trained on.
    package var tileTarget: TileTarget { TileTarget(side: architecture.tileSize, micronsPerPixel: micronsPerPixel) }

    /// Whether a run keeps the weights of the last epoch, not those with the lowest watched loss. A cosine schedule ends
    /// with a learning rate of 0, where losses of epochs differ by chance, and no choice means no selection bias.
    package var keepsLastEpoch: Bool { schedule == .cosine && earlyStopping == nil }

    /// The part that epochs or cycles are picked on. Nil when none is picked.
    func chosenOn(_ split: Split) -> EvaluationSplit? {
        keepsLastEpoch && pseudoLabeling == nil ? nil : split.watched
    }
}

extension Split {
    /// The part whose loss is watched after each epoch: validation, or the test part without validation.
    var watched: EvaluationSplit { validation.isEmpty ? .test : .validation }

    /// Whether a temperature can be fitted on the validation tiles. With one class, the fit
    /// would drive all probabilities to 0 or 1.
    package func allowsCalibration(on set: TileSet) -> Bool { !set.counts(of: validation).contains(0) }
}

/// One epoch in the history of a run.
package struct EpochRecord: Codable, Equatable, Sendable {
    /// The cycle of pseudo-labeling; 0 trains on the given labels only.
    package var cycle: Int
    /// The number of the epoch in its cycle, from 1 on.
    package var epoch: Int
    /// Learning rate of the last step.
    package var learningRate: Float
    /// Mean loss over the batches of the epoch, while the weights change.
    package var trainLoss: Double
    package var trainAccuracy: Double
    /// Loss on the watched part after the epoch, without augmentation and label smoothing.
    package var watchedLoss: Double
    package var watchedAccuracy: Double
    /// Weighted F1 on the watched part.
    package var watchedF1: Double
    /// Soft Dice of nuclei on the watched part; nil without outlines, and for a network that classifies
    /// tiles.
    package var watchedDice: Double?
    /// Duration of training and scoring.
    package var seconds: Double
    /// Speed of training, without scoring.
    package var tilesPerSecond: Double

    package init(
        cycle: Int, epoch: Int, learningRate: Float, trainLoss: Double, trainAccuracy: Double, watchedLoss: Double,
        watchedAccuracy: Double, watchedF1: Double, watchedDice: Double? = nil, seconds: Double,
        tilesPerSecond: Double
    ) {
        self.cycle = cycle
        self.epoch = epoch
        self.learningRate = learningRate
        self.trainLoss = trainLoss
        self.trainAccuracy = trainAccuracy
        self.watchedLoss = watchedLoss
        self.watchedAccuracy = watchedAccuracy
        self.watchedF1 = watchedF1
        self.watchedDice = watchedDice
        self.seconds = seconds
        self.tilesPerSecond = tilesPerSecond
    }
}
