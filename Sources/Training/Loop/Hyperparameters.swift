import Datasets
import Foundations
import NeuralNetworks

/// The hyperparameters of training.
package enum Hyperparameters {
    package static let epochs = Hyperparameter(
        "epochs", \.epochs, "Passes over the training tiles", .within(1...1_000_000))
    package static let batchSize = Hyperparameter("batch-size", \.batchSize, "Batch size", .within(1...512))
    package static let optimizer = Hyperparameter("optimizer", \.optimizerMethod, "Optimizer")
    package static let learningRate = Hyperparameter(
        "learning-rate", \.optimizer.learningRate, "Initial learning rate of the optimizer", .positive)
    package static let weightDecay = Hyperparameter(
        "weight-decay", \.optimizer.weightDecay, "Weight decay: an L2 penalty, or decoupled with adamw", .notNegative)
    package static let momentum = Hyperparameter(
        "momentum", \.momentum, "Momentum of sgd", .belowOne, needs: .sgd)
    package static let schedule = Hyperparameter(
        "schedule", \.schedule,
        """
        Learning rate schedule: constant, halved when the watched loss stops improving, or warm-up and cosine decay
        """)
    package static let dropout = Hyperparameter(
        "dropout", \.dropout, "Dropout rate of the dense layers, or of the coarsest features of a unet", .belowOne)
    package static let labelSmoothing = Hyperparameter(
        "label-smoothing", \.labelSmoothing, "Label smoothing", .belowOne)
    package static let clipNorm = Hyperparameter(
        "clip-norm", \.clipNormOrZero, "Largest global norm of the gradients, 0 for no clipping", .notNegative)
    package static let balance = Hyperparameter(
        "balance", \.balance, "Compensation for classes of different size: weighted losses or repeated sampling")
    package static let augment = Hyperparameter("augment", \.isAugmented, "Augment tiles at random")
    package static let earlyStopping = Hyperparameter(
        "early-stopping", \.stopsEarly, "Stop when the watched loss has not improved for --patience epochs")
    package static let patience = Hyperparameter(
        "patience", \.patience, "Epochs without improvement before early stopping", .atLeast(1),
        needs: .earlyStopping)
    package static let minimumDelta = Hyperparameter(
        "min-delta", \.minimumDelta, "Smallest decrease of the watched loss that counts as an improvement",
        .notNegative, needs: .earlyStopping)
    package static let cycles = Hyperparameter(
        "cycles", \.cycles, "pseudo-labeling: cycles of labeling and training", .within(1...100),
        needs: .pseudoLabeling)
    package static let confidence = Hyperparameter(
        "confidence", \.confidence, "pseudo-labeling: smallest calibrated probability of an accepted label",
        ValidRange("more than 0.5, at most 1") { $0 > 0.5 && $0 <= 1 }, needs: .pseudoLabeling)
    package static let largestShift = Hyperparameter(
        "largest-shift", \.largestShift, "pseudo-labeling: largest growth of a class's share by accepted labels",
        ValidRange("0 to 1") { 0...1 ~= $0 }, needs: .pseudoLabeling)
    package static let initialModel = Hyperparameter(
        "initial-model", optional: \.initialModel,
        """
        File with the initial weights: a model of the same architecture, or tensors with the names that PyTorch gives them; \
        or a bundled model, nuclei-unet or nuclei-compact
        """,
        ValidRange("the path of a file") { !$0.isEmpty }, valueIfNil: "random weights")
    package static let freeze = Hyperparameter(
        "freeze", optional: \.frozenLayers,
        """
        Layer of the initial model that training leaves unchanged, such as conv1 or layer1, or \(FineTuning.backbone) for all \
        but the last one; may be repeated
        """, valueIfNil: "none", needs: .initialModel)
    package static let backboneRateFactor = Hyperparameter(
        "backbone-rate-factor", \.backboneRateFactor, "Factor on the learning rate of all layers but the last one",
        ValidRange("more than 0, at most 1") { $0 > 0 && $0 <= 1 }, needs: .initialModel)
    package static let freezeStatistics = Hyperparameter(
        "freeze-statistics", \.freezesStatistics,
        "Batch normalization uses the running statistics of the initial model and leaves them unchanged",
        needs: .initialModel)
    package static let teachers = Hyperparameter(
        "teacher", optional: \.teachers,
        """
        Trained model, a file or a bundled one, whose outputs the network learns too; may be repeated, for the mean of the \
        models. A unet learns them for every pixel, outlined or not
        """, ValidRange("paths of models") { !$0.contains("") }, valueIfNil: "none")
    package static let validation = Hyperparameter(
        "validation", \.hasValidation,
        """
        Hold out another \(Int(Split.Settings.defaultValidationShare * 100)) % of the training tiles to pick the best epoch and to calibrate. Without it, the best epoch \
        is picked on the test tiles, so the test score is optimistic; a cosine schedule without early stopping picks \
        none and keeps the last epoch
        """, except: "on with --preset best")
    package static let seed = Hyperparameter(
        "seed", \.seed, "Seed of the initial weights, the order of tiles, augmentation and dropout")
    package static let splitSeed = Hyperparameter(
        "split-seed", \.split.seed, "Seed of the split into training, validation and test")
    package static let micronsPerPixel = Hyperparameter(
        "mpp", optional: \.micronsPerPixel, "Microns per pixel of the tiles, recorded in the model",
        .within(plausibleMicronsPerPixel),
        valueIfNil: "unknown")
}

extension Prerequisite {
    fileprivate static let sgd = Prerequisite("optimizer sgd") { $0.optimizer.method == .sgd }
    fileprivate static let earlyStopping = Prerequisite("early-stopping") { $0.earlyStopping != nil }
    fileprivate static let pseudoLabeling = Prerequisite("strategy pseudo-labeling") { $0.pseudoLabeling != nil }
    fileprivate static let initialModel = Prerequisite("initial-model") { $0.initialModel != nil }
}

/// Settings in the form in which users give them. Setting a part of something that is off has no effect.
extension TrainingSettings {
    fileprivate var optimizerMethod: OptimizerSettings.Method {
        get { optimizer.method }
        set {
            optimizer = OptimizerSettings(
                method: newValue, learningRate: optimizer.learningRate, weightDecay: optimizer.weightDecay)
        }
    }

    fileprivate var momentum: Float {
        get { if case .sgd(let sgd) = optimizer { sgd.momentum } else { 0 } }
        set {
            guard case .sgd(var sgd) = optimizer else { return }
            sgd.momentum = newValue
            optimizer = .sgd(sgd)
        }
    }

    fileprivate var clipNormOrZero: Float {
        get { clipNorm ?? 0 }
        set { clipNorm = newValue > 0 ? newValue : nil }
    }

    fileprivate var isAugmented: Bool {
        get { augmentation != nil }
        set { augmentation = newValue ? AugmentationPreset.usual(for: architecture).settings : nil }
    }

    fileprivate var stopsEarly: Bool {
        get { earlyStopping != nil }
        set { earlyStopping = newValue ? EarlyStopping() : nil }
    }

    fileprivate var patience: Int {
        get { (earlyStopping ?? EarlyStopping()).patience }
        set { earlyStopping?.patience = newValue }
    }

    fileprivate var minimumDelta: Double {
        get { (earlyStopping ?? EarlyStopping()).minimumDelta }
        set { earlyStopping?.minimumDelta = newValue }
    }

    fileprivate var cycles: Int {
        get { (pseudoLabeling ?? PseudoLabeling()).cycles }
        set { pseudoLabeling?.cycles = newValue }
    }

    fileprivate var confidence: Double {
        get { (pseudoLabeling ?? PseudoLabeling()).confidence }
        set { pseudoLabeling?.confidence = newValue }
    }

    fileprivate var largestShift: Double {
        get { (pseudoLabeling ?? PseudoLabeling()).largestShift }
        set { pseudoLabeling?.largestShift = newValue }
    }

    /// What training changes in the initial model; without one, it changes everything.
    private var fineTuningOrNone: FineTuning {
        get { fineTuning ?? FineTuning() }
        set { fineTuning = initialModel == nil || newValue == FineTuning() ? nil : newValue }
    }

    fileprivate var frozenLayers: [String]? {
        get { fineTuningOrNone.frozen.isEmpty ? nil : fineTuningOrNone.frozen }
        set { fineTuningOrNone.frozen = newValue ?? [] }
    }

    fileprivate var backboneRateFactor: Float {
        get { fineTuningOrNone.backboneRateFactor }
        set { fineTuningOrNone.backboneRateFactor = newValue }
    }

    fileprivate var freezesStatistics: Bool {
        get { fineTuningOrNone.freezesStatistics }
        set { fineTuningOrNone.freezesStatistics = newValue }
    }

    fileprivate var hasValidation: Bool {
        get { split.validationShare > 0 }
        set { split.validationShare = newValue ? Split.Settings.defaultValidationShare : 0 }
    }
}
