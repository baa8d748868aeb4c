import ArgumentParser
import Console
import Datasets
import NeuralNetworks
import Training

extension Split.Fold: ExpressibleByArgument {
    public init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let number = parts[0], let count = parts[1] else { return nil }
        self.init(number, of: count)
    }
}

/// The settings of training. The preset, the strategy and the architecture determine the defaults.
struct TrainingOptions: ParsableArguments {
    @Option(help: TrainingPreset.help) var preset = TrainingPreset.best

    @Option(help: "Training strategy, which sets the defaults of the options below.")
    var strategy: Strategy?

    @Option(help: "Network architecture.") var architecture: Architecture?

    @Option(Hyperparameters.epochs) var epochs: Int?
    @Option(Hyperparameters.batchSize) var batchSize: Int?
    @Option(Hyperparameters.optimizer) var optimizer: OptimizerSettings.Method?
    @Option(Hyperparameters.learningRate) var learningRate: Float?
    @Option(Hyperparameters.weightDecay) var weightDecay: Float?
    @Option(Hyperparameters.momentum) var momentum: Float?
    @Option(Hyperparameters.schedule) var schedule: TrainingSettings.Schedule?
    @Option(Hyperparameters.dropout) var dropout: Float?
    @Option(Hyperparameters.labelSmoothing) var labelSmoothing: Float?
    @Option(Hyperparameters.clipNorm) var clipNorm: Float?
    @Option(Hyperparameters.balance) var balance: TrainingSettings.Balance?
    @Flag(Hyperparameters.augment) var augment: Bool?
    @OptionGroup var augmentation: AugmentationOptions
    @Flag(Hyperparameters.earlyStopping) var earlyStopping: Bool?
    @Option(Hyperparameters.patience) var patience: Int?
    @Option(Hyperparameters.minimumDelta) var minimumDelta: Double?
    @Option(Hyperparameters.cycles) var cycles: Int?
    @Option(Hyperparameters.confidence) var confidence: Double?
    @Option(Hyperparameters.largestShift) var largestShift: Double?
    @Option(Hyperparameters.initialModel) var initialModel: String?
    @Option(Hyperparameters.freeze) var freeze = [String]()
    @Option(Hyperparameters.backboneRateFactor) var backboneRateFactor: Float?
    @Flag(Hyperparameters.freezeStatistics) var freezeStatistics: Bool?
    @Option(Hyperparameters.teachers) var teacher = [String]()
    @Flag(Hyperparameters.validation) var validation: Bool?

    @Option(help: "Test on fold K of N, as K/N, instead of a fifth, for cross-validation.")
    var fold: Split.Fold?

    @Option(help: "Test on the groups that match this pattern instead of a fifth; may be repeated.")
    var testGroups = [String]()

    @Option(help: "Exclude groups that match this pattern from training and test; may be repeated.")
    var excludeGroups = [String]()

    @Option(Hyperparameters.seed) var seed: UInt64?
    @Option(Hyperparameters.splitSeed) var splitSeed: UInt64?
    @Option(Hyperparameters.micronsPerPixel) var micronsPerPixel: Double?

    /// The options that were given, in the order in which they apply: flags before the details they enable.
    private var changes: [HyperparameterChange] {
        [
            .init(Hyperparameters.epochs, epochs), .init(Hyperparameters.batchSize, batchSize),
            .init(Hyperparameters.optimizer, optimizer), .init(Hyperparameters.learningRate, learningRate),
            .init(Hyperparameters.weightDecay, weightDecay), .init(Hyperparameters.momentum, momentum),
            .init(Hyperparameters.schedule, schedule), .init(Hyperparameters.dropout, dropout),
            .init(Hyperparameters.labelSmoothing, labelSmoothing), .init(Hyperparameters.clipNorm, clipNorm),
            .init(Hyperparameters.balance, balance), .init(Hyperparameters.augment, augment),
            .init(Hyperparameters.earlyStopping, earlyStopping), .init(Hyperparameters.patience, patience),
            .init(Hyperparameters.minimumDelta, minimumDelta), .init(Hyperparameters.cycles, cycles),
            .init(Hyperparameters.confidence, confidence), .init(Hyperparameters.largestShift, largestShift),
            .init(Hyperparameters.initialModel, initialModel),
            .init(Hyperparameters.freeze, freeze.isEmpty ? nil : freeze),
            .init(Hyperparameters.backboneRateFactor, backboneRateFactor),
            .init(Hyperparameters.freezeStatistics, freezeStatistics),
            .init(Hyperparameters.teachers, teacher.isEmpty ? nil : teacher),
            .init(Hyperparameters.validation, validation ?? preset.hasValidation),
            .init(Hyperparameters.seed, seed), .init(Hyperparameters.splitSeed, splitSeed),
            .init(Hyperparameters.micronsPerPixel, micronsPerPixel),
        ].compactMap { $0 }
    }

    /// The settings of a run on a data set; `hasOutlines` is nil as long as it is unknown. Throws `ValidationError` for
    /// options that are out of range or have no effect.
    func settings(hasOutlines: Bool?) throws -> TrainingSettings {
        let architecture = architecture ?? preset.architecture(hasOutlines: hasOutlines ?? false)
        var settings: TrainingSettings
        do {
            settings = try TrainingSettings(strategy ?? preset.strategy, architecture, changes)
            if self.architecture != nil || hasOutlines != nil { try settings.checkFrozenLayers() }
        } catch {
            throw error.validationError
        }
        let usual = AugmentationPreset.usual(for: architecture)
        try require(
            settings.augmentation != nil || augmentation.isEmpty,
            "--augmentation, --cutout, --leave-out and --white-border", "--augment with them", found: "none")
        try augmentation.check(usual)
        if settings.augmentation != nil { settings.augmentation = augmentation.settings(usual) }
        try require(
            settings.pseudoLabeling == nil || settings.split.validationShare > 0, "--strategy pseudo-labeling",
            "a validation part, which decides about cycles and thresholds", found: "--no-validation")
        if architecture.outlinesNuclei {
            let expected = "an architecture that classifies tiles with it"
            try require(settings.labelSmoothing == 0, "--label-smoothing", expected, found: architecture.rawValue)
            try require(settings.balance != .weights, "--balance weights", expected, found: architecture.rawValue)
        }
        try require(
            fold == nil || testGroups.isEmpty, "--fold", "no --test-groups", found: "--test-groups")
        settings.split.fold = fold
        settings.split.testGroups = testGroups
        settings.split.excludedGroups = excludeGroups
        return settings
    }

    func validate() throws { _ = try settings(hasOutlines: nil) }
}
