import Datasets
import NeuralNetworks
import Testing
import Training

/// The hyperparameters of the published recipe, by strategy.
struct StrategyTests {
    @Test func basicLeNetMatchesTheRecipe() {
        let settings = TrainingSettings(.basic, .lenet5)
        #expect(settings == TrainingSettings())
        #expect(settings.epochs == 20 && settings.batchSize == 32)
        #expect(settings.optimizer == OptimizerSettings(method: .adam, learningRate: 1e-3, weightDecay: 0))
        #expect(settings.schedule == .constant && settings.dropout == 0 && settings.labelSmoothing == 0)
        #expect(settings.augmentation == nil && settings.earlyStopping == nil && settings.clipNorm == nil)
        #expect(settings.pseudoLabeling == nil && settings.split.validationShare == 0)
    }

    @Test func regularizedLeNetMatchesTheRecipe() {
        let settings = TrainingSettings(.regularized, .lenet5)
        #expect(settings.epochs == 30 && settings.batchSize == 16)
        #expect(settings.optimizer == OptimizerSettings(method: .adamw, learningRate: 5e-4, weightDecay: 1e-4))
        #expect(settings.schedule == .plateau && settings.dropout == 0.5 && settings.labelSmoothing == 0.1)
        #expect(settings.augmentation == .reference && settings.clipNorm == 1)
        #expect(settings.earlyStopping?.patience == 10 && settings.earlyStopping?.minimumDelta == 1e-3)
        #expect(settings.pseudoLabeling == nil)
    }

    @Test func compactKeepsItsLastEpoch() {
        var settings = TrainingSettings(.regularized, .compact)
        #expect(settings.schedule == .cosine && settings.balance == .weights && settings.augmentation == .pathology)
        #expect(settings.keepsLastEpoch)
        settings.earlyStopping = EarlyStopping()
        #expect(!settings.keepsLastEpoch, "early stopping returns to the best epoch")
        #expect(!TrainingSettings(.regularized, .lenet5).keepsLastEpoch)
    }

    @Test(arguments: Architecture.allCases) func pseudoLabelingIsRegularizedWithCycles(architecture: Architecture) {
        let settings = TrainingSettings(.pseudoLabeling, architecture)
        #expect(settings.pseudoLabeling?.cycles == 3 && settings.pseudoLabeling?.confidence == 0.95)
        #expect(settings.split.validationShare == 0.2)
        var regularized = TrainingSettings(.regularized, architecture)
        regularized.strategy = .pseudoLabeling
        regularized.pseudoLabeling = settings.pseudoLabeling
        regularized.split = settings.split
        #expect(settings == regularized)
    }

    @Test func stepsOfTheAugmentationCanBeLeftOut() {
        let whole = AugmentationSettings.scanners
        for step in AugmentationStep.allCases {
            var settings = whole
            if step == .cutout { settings.cutout.probability = 0.5 }
            let before = settings
            settings.disable(step)
            #expect(settings != before, "\(step) changes nothing")
        }
        var none = AugmentationSettings.scanners
        for step in AugmentationStep.allCases { none.disable(step) }
        var expected = AugmentationSettings()
        // The probability of an affine map that changes nothing is irrelevant.
        expected.geometry.affine = none.geometry.affine
        #expect(none == expected)
    }
}
