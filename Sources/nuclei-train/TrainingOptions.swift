import ArgumentParser
import Console
import Datasets
import NeuralNetworks
import Training

extension Architecture: ExpressibleByArgument {}
extension Strategy: ExpressibleByArgument {}
extension OptimizerSettings.Method: ExpressibleByArgument {}
extension TrainingSettings.Schedule: ExpressibleByArgument {}
extension TrainingSettings.Balance: ExpressibleByArgument {}

extension Split.Fold: ExpressibleByArgument {
    public init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let number = parts[0], let count = parts[1] else { return nil }
        self.init(number, of: count)
    }
}

/// All that decides how a network learns. What is not given is the strategy's, for the architecture.
struct TrainingOptions: ParsableArguments {
    @Option(help: "How to train; decides what the options below are when they are not given.")
    var strategy = Strategy.basic

    @Option(help: "The network.")
    var architecture = Architecture.lenet5

    @Option(help: "Passes over the training tiles (default: 20; lenet5 30, compact 40 unless basic).")
    var epochs: Int?

    @Option(help: "Tiles in a step (default: 32; lenet5 16 unless basic).")
    var batchSize: Int?

    @Option(help: "Rule of the steps (default: adam for basic lenet5, else adamw).")
    var optimizer: OptimizerSettings.Method?

    @Option(help: "Step size of the optimizer (default: 1e-3; lenet5 5e-4 unless basic; compact 2e-3).")
    var learningRate: Float?

    @Option(
        help: """
            Decay of the weights: part of the gradient, or apart from it with adamw (default: 0; lenet5 1e-4 unless \
            basic; compact 1e-2).
            """)
    var weightDecay: Float?

    @Option(help: "Share of the last step that the next one keeps; for sgd.")
    var momentum: Float = 0

    @Option(
        help: """
            The learning rate stays, is halved when the watched loss stops falling, or rises and falls along a cosine \
            (default: constant; lenet5 plateau unless basic; compact cosine).
            """)
    var schedule: TrainingSettings.Schedule?

    @Option(
        help: """
            Share of the dense layers' features that each step leaves out (default: 0; unless basic lenet5 0.5, compact 0.2).
            """)
    var dropout: Float?

    @Option(help: "Share of each label that is spread over both classes (default: 0; unless basic 0.1).")
    var labelSmoothing: Float?

    @Option(help: "Scale gradients of a larger global norm down to this; 0 for never (default: 0; unless basic 1).")
    var clipNorm: Float?

    @Option(
        help: """
            Make up for classes of different size by weighted losses, or by drawing tiles more than once (default: \
            none; compact weights unless basic).
            """)
    var balance: TrainingSettings.Balance?

    @Flag(inversion: .prefixedNo, help: "Change tiles at random each time they are learnt (default: unless basic).")
    var augment: Bool?

    @OptionGroup var variation: AugmentationOptions

    @Flag(
        inversion: .prefixedNo,
        help: """
            Stop when the watched loss has not fallen for --patience epochs (default: lenet5 unless basic).
            """)
    var earlyStopping: Bool?

    @Option(help: "Epochs without a fall of the watched loss before stopping early (default: 10).")
    var patience: Int?

    @Option(help: "What counts as a fall of the watched loss (default: 1e-3).")
    var minDelta: Double?

    @Option(help: "pseudo-labeling: cycles of labelling and training again (default: 3).")
    var cycles: Int?

    @Option(help: "pseudo-labeling: calibrated probability from which a label is accepted (default: 0.95).")
    var confidence: Double?

    @Option(
        help: "pseudo-labeling: how much the share of a class may grow by accepted labels (default: 0.05).")
    var largestShift: Double?

    @Option(help: "Model of the same architecture whose weights to start from (default: random weights).")
    var initialModel: String?

    @Flag(
        inversion: .prefixedNo,
        help: """
            Hold out another 20 % of the training tiles to choose the best epoch by and to calibrate on; without it \
            the test chooses, unless the schedule is cosine without early stopping, where the last epoch is kept \
            (default: for pseudo-labeling, which needs it).
            """)
    var validation: Bool?

    @Option(help: "Test on fold K of N, as K/N, instead of on a fifth: for cross-validation.")
    var fold: Split.Fold?

    @Option(help: "Test on the groups that match this pattern, instead of on a fifth; may be repeated.")
    var testGroups = [String]()

    @Option(help: "Leave groups that match this pattern out altogether; may be repeated.")
    var excludeGroups = [String]()

    @Option(help: "Seed of the initial weights, of the order of tiles, of augmentation and of dropout.")
    var seed: UInt64 = 42

    @Option(help: "Seed of the split into training, validation and test.")
    var splitSeed: UInt64 = 42

    @Option(help: "Microns per pixel of the tiles, recorded in the model (default: not known).")
    var mpp: Double?

    func validate() throws {
        func check<T>(_ value: T?, _ name: String, _ expected: String, _ isGood: (T) -> Bool) throws {
            if let value { try require(isGood(value), name, expected, found: value) }
        }
        try check(epochs, "--epochs", "at least 1") { $0 >= 1 }
        try check(batchSize, "--batch-size", "1 to 512") { 1...512 ~= $0 }
        try check(learningRate, "--learning-rate", "a positive number") { $0 > 0 && $0.isFinite }
        try check(weightDecay, "--weight-decay", "0 or more") { $0 >= 0 && $0.isFinite }
        try check(momentum, "--momentum", "0 or more, below 1") { 0..<1 ~= $0 }
        try check(dropout, "--dropout", "0 or more, below 1") { 0..<1 ~= $0 }
        try check(labelSmoothing, "--label-smoothing", "0 or more, below 1") { 0..<1 ~= $0 }
        try check(clipNorm, "--clip-norm", "0 or more") { $0 >= 0 && $0.isFinite }
        try check(patience, "--patience", "at least 1") { $0 >= 1 }
        try check(minDelta, "--min-delta", "0 or more") { $0 >= 0 && $0.isFinite }
        try check(cycles, "--cycles", "1 to 100") { 1...100 ~= $0 }
        try check(confidence, "--confidence", "more than 0.5, at most 1") { $0 > 0.5 && $0 <= 1 }
        try check(largestShift, "--largest-shift", "0 to 1") { 0...1 ~= $0 }
        try check(mpp, "--mpp", "a positive number") { $0 > 0 && $0.isFinite }
        let settings = settings
        try require(
            momentum == 0 || settings.optimizer.method == .sgd, "--momentum", "--optimizer sgd with it",
            found: settings.optimizer.method)
        try require(
            settings.earlyStopping != nil || patience == nil && minDelta == nil, "--patience and --min-delta",
            "--early-stopping with them", found: "none")
        try require(
            settings.augmentation != nil || variation.isEmpty,
            "--augmentation, --cutout, --leave-out and --white-border", "--augment with them", found: "none")
        try variation.check(usualAugmentation)
        try require(
            settings.pseudoLabelling != nil || cycles == nil && confidence == nil && largestShift == nil,
            "--cycles, --confidence and --largest-shift", "--strategy pseudo-labeling with them", found: strategy)
        try require(
            settings.pseudoLabelling == nil || validation != false, "--strategy pseudo-labeling",
            "a validation part, which decides about cycles and thresholds", found: "--no-validation")
        try require(
            fold == nil || testGroups.isEmpty, "--fold", "no --test-groups beside it", found: "--test-groups")
    }

    private var usualAugmentation: AugmentationPreset { architecture == .lenet5 ? .reference : .pathology }

    var settings: TrainingSettings {
        var settings = TrainingSettings(strategy, architecture)
        func set<T>(_ path: WritableKeyPath<TrainingSettings, T>, _ value: T?) {
            if let value { settings[keyPath: path] = value }
        }
        set(\.epochs, epochs)
        set(\.batchSize, batchSize)
        if let optimizer {
            settings.optimizer = OptimizerSettings(
                method: optimizer, learningRate: settings.optimizer.learningRate,
                weightDecay: settings.optimizer.weightDecay)
        }
        set(\.optimizer.learningRate, learningRate)
        set(\.optimizer.weightDecay, weightDecay)
        if case .sgd(var sgd) = settings.optimizer {
            sgd.momentum = momentum
            settings.optimizer = .sgd(sgd)
        }
        set(\.schedule, schedule)
        set(\.dropout, dropout)
        set(\.labelSmoothing, labelSmoothing)
        if let clipNorm { settings.clipNorm = clipNorm > 0 ? clipNorm : nil }
        set(\.balance, balance)
        if augment == true || augment == nil && settings.augmentation != nil {
            settings.augmentation = variation.settings(usualAugmentation)
        } else {
            settings.augmentation = nil
        }
        if let earlyStopping { settings.earlyStopping = earlyStopping ? EarlyStopping() : nil }
        if let patience { settings.earlyStopping?.patience = patience }
        if let minDelta { settings.earlyStopping?.minimumDelta = minDelta }
        if let cycles { settings.pseudoLabelling?.cycles = cycles }
        if let confidence { settings.pseudoLabelling?.confidence = confidence }
        if let largestShift { settings.pseudoLabelling?.largestShift = largestShift }
        settings.initialModel = initialModel
        if let validation {
            settings.split.validationShare = validation ? Split.Settings.defaultValidationShare : 0
        }
        settings.split.fold = fold
        settings.split.testGroups = testGroups
        settings.split.excludedGroups = excludeGroups
        settings.split.seed = splitSeed
        settings.seed = seed
        settings.micronsPerPixel = mpp
        return settings
    }
}
