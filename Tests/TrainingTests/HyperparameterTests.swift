import NeuralNetworks
import Tensors
import Testing
import Training

struct HyperparameterTests {
    @Test func defaultsAreThoseOfTheStrategies() {
        #expect(
            Hyperparameters.epochs.defaults
                == "20 with basic; otherwise 30 (lenet5), 40 (compact), 20 (resnet18) or 60 (unet, unet-wide)")
        #expect(
            Hyperparameters.batchSize.defaults
                == "32 with basic; otherwise 16 (lenet5) or 32 (compact, resnet18, unet, unet-wide)")
        #expect(
            Hyperparameters.balance.defaults
                == "none with basic; otherwise none (lenet5, unet, unet-wide) or weights (compact, resnet18)")
        #expect(
            Hyperparameters.optimizer.defaults
                == "adam (lenet5) or adamw (compact, resnet18, unet, unet-wide) with basic; otherwise adamw")
        #expect(Hyperparameters.clipNorm.defaults == "0.0 with basic; otherwise 1.0")
        #expect(Hyperparameters.augment.defaults == "off with basic; otherwise on")
        #expect(Hyperparameters.validation.defaults == "off with basic and regularized; otherwise on")
        #expect(Hyperparameters.patience.defaults == "10" && Hyperparameters.seed.defaults == "42")
        #expect(Hyperparameters.initialModel.defaults == "random weights")
        #expect(Hyperparameters.freeze.defaults == "none" && Hyperparameters.backboneRateFactor.defaults == "1.0")
        #expect(Hyperparameters.freezeStatistics.defaults == "off")
        #expect(
            Hyperparameters.epochs.help
                == "Passes over the training tiles (default: \(Hyperparameters.epochs.defaults)).")
    }

    private func settings(
        _ strategy: Strategy, _ changes: HyperparameterChange?...
    ) throws(HyperparameterError) -> TrainingSettings {
        try TrainingSettings(strategy, .lenet5, changes.compactMap { $0 })
    }

    @Test func changesReplaceDefaults() throws {
        #expect(HyperparameterChange(Hyperparameters.epochs, nil) == nil)
        #expect(try settings(.regularized) == TrainingSettings(.regularized, .lenet5))
        let changed = try settings(
            .regularized, .init(Hyperparameters.epochs, 7), .init(Hyperparameters.clipNorm, 0),
            .init(Hyperparameters.earlyStopping, true), .init(Hyperparameters.patience, 3),
            .init(Hyperparameters.augment, false), .init(Hyperparameters.validation, true),
            .init(Hyperparameters.micronsPerPixel, 0.25))
        #expect(changed.epochs == 7 && changed.clipNorm == nil && changed.earlyStopping?.patience == 3)
        #expect(changed.augmentation == nil && changed.split.validationShare == 0.2)
        #expect(changed.micronsPerPixel == 0.25 && changed.batchSize == 16)
        // The learning rate and the weight decay are those of the strategy for every optimizer.
        let sgd = try settings(
            .regularized, .init(Hyperparameters.optimizer, .sgd), .init(Hyperparameters.momentum, 0.9))
        #expect(sgd.optimizer.method == .sgd && sgd.optimizer.learningRate == 5e-4 && sgd.optimizer.weightDecay == 1e-4)
        #expect(Hyperparameters.momentum.value(in: sgd) == 0.9)
    }

    @Test func valuesOutOfRangeAreRejected() {
        func error(_ change: HyperparameterChange?) -> HyperparameterError? {
            #expect(throws: HyperparameterError.self) { try settings(.pseudoLabeling, change) }
        }
        #expect(
            error(.init(Hyperparameters.batchSize, 513))
                == .outOfRange("batch-size", expected: "1 to 512", found: "513"))
        #expect(
            error(.init(Hyperparameters.learningRate, .nan))
                == .outOfRange("learning-rate", expected: "a positive number", found: "nan"))
        #expect(
            error(.init(Hyperparameters.confidence, 0.5))
                == .outOfRange("confidence", expected: "more than 0.5, at most 1", found: "0.5"))
        #expect(
            error(.init(Hyperparameters.dropout, 1))
                == .outOfRange("dropout", expected: "0 or more, below 1", found: "1.0"))
    }

    @Test func fineTuningNeedsAnInitialModel() throws {
        func tuned(_ changes: HyperparameterChange?...) throws -> TrainingSettings {
            let model = HyperparameterChange(Hyperparameters.initialModel, "m.safetensors")
            return try TrainingSettings(.basic, .lenet5, ([model] + changes).compactMap { $0 })
        }
        // As in runs of versions that have no such settings.
        #expect(try tuned().fineTuning == nil)
        #expect(try tuned(.init(Hyperparameters.backboneRateFactor, 1)).fineTuning == nil)
        let settings = try tuned(
            .init(Hyperparameters.freeze, ["conv1", "fc1"]), .init(Hyperparameters.backboneRateFactor, 0.25),
            .init(Hyperparameters.freezeStatistics, true))
        #expect(settings.fineTuning?.frozen == ["conv1", "fc1"] && settings.fineTuning?.backboneRateFactor == 0.25)
        #expect(settings.fineTuning?.freezesStatistics == true)
        try settings.check()
        for (frozen, expected, found) in [
            (["conv1", "stem"], "layers of lenet5 (conv1, conv2, conv3, fc1, fc2, backbone)", "stem"),
            (["backbone", "fc2"], "a layer that is left to train", "backbone, fc2"),
        ] {
            let wrong = try tuned(.init(Hyperparameters.freeze, frozen))
            let error = #expect(throws: HyperparameterError.self) { try wrong.check() }
            #expect(error == .outOfRange("freeze", expected: expected, found: found))
        }
        let range = #expect(throws: HyperparameterError.self) {
            try tuned(.init(Hyperparameters.backboneRateFactor, 0))
        }
        #expect(range == .outOfRange("backbone-rate-factor", expected: "more than 0, at most 1", found: "0.0"))
    }

    @Test func lossesOfPixelsAreChecked() throws {
        func error(_ architecture: Architecture, _ change: (inout PixelLoss?) -> Void) -> HyperparameterError? {
            var settings = TrainingSettings(.regularized, architecture)
            change(&settings.pixelLoss)
            return #expect(throws: HyperparameterError.self) { try settings.check() }
        }
        try TrainingSettings(.regularized, .unet).check()
        try TrainingSettings(.regularized, .compact).check()
        #expect(
            error(.compact) { $0 = PixelLoss() }
                == .outOfRange("pixelLoss", expected: "null, for compact", found: "an object"))
        #expect(error(.unet) { $0 = nil } == .outOfRange("pixelLoss", expected: "an object", found: "null, for unet"))
        for weights: [Float] in [[], [1, 1], [1, 1, -1], [1, 1, .nan], [0, 0, 0], [1, 1, .infinity]] {
            #expect(error(.unet) { $0?.classWeights = weights }?.name == "pixelLoss.classWeights", "\(weights)")
        }
        #expect(error(.unet) { $0?.scoredPixels = 0 }?.name == "pixelLoss.scoredPixels")
        #expect(error(.unet) { $0?.diceWeight = -1 }?.name == "pixelLoss.diceWeight")
        #expect(error(.unet) { $0?.anyWeight = .nan }?.name == "pixelLoss.anyWeight")
        #expect(error(.unet) { $0?.absentWeight = -1 }?.name == "pixelLoss.absentWeight")
    }

    @Test func valuesWithoutEffectAreRejected() {
        func error(_ change: HyperparameterChange?) -> HyperparameterError? {
            #expect(throws: HyperparameterError.self) { try settings(.basic, change) }
        }
        #expect(error(.init(Hyperparameters.momentum, 0.9)) == .hasNoEffect("momentum", without: "optimizer sgd"))
        #expect(error(.init(Hyperparameters.minimumDelta, 1)) == .hasNoEffect("min-delta", without: "early-stopping"))
        #expect(
            error(.init(Hyperparameters.cycles, 2)) == .hasNoEffect("cycles", without: "strategy pseudo-labeling"))
        #expect(
            error(.init(Hyperparameters.freeze, ["conv1"])) == .hasNoEffect("freeze", without: "initial-model"))
        #expect(
            error(.init(Hyperparameters.backboneRateFactor, 0.1))
                == .hasNoEffect("backbone-rate-factor", without: "initial-model"))
        #expect(
            error(.init(Hyperparameters.freezeStatistics, true))
                == .hasNoEffect("freeze-statistics", without: "initial-model"))
        // Also where the value is the one that it would have.
        #expect(error(.init(Hyperparameters.patience, 10)) == .hasNoEffect("patience", without: "early-stopping"))
        #expect(
            error(.init(Hyperparameters.cycles, 3)) == .hasNoEffect("cycles", without: "strategy pseudo-labeling"))
    }
}
