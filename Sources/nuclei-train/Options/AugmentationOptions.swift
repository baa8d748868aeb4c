import ArgumentParser
import Console
import Datasets
import NeuralNetworks
import Training

extension AugmentationPreset: ExpressibleByArgument {}
extension AugmentationStep: ExpressibleByArgument {
    /// Accepts "colour" too, the spelling of earlier versions.
    package init?(argument: String) { self.init(rawValue: argument == "colour" ? "color" : argument) }
}

/// The options for the random augmentation of tiles.
struct AugmentationOptions: ParsableArguments {
    /// The preset of `nuclei-train augment`, which does not depend on an architecture.
    static let usualPreset = AugmentationPreset.pathology

    @Option(help: ArgumentHelp("Augmentation preset (default: \(defaults))."))
    var augmentation: AugmentationPreset?

    @Flag(help: "Also erase a random rectangle of every other tile; with `reference`, instead of jitter and shear.")
    var cutout = false

    @Option(help: "Augmentation step to leave out; may be repeated.")
    var leaveOut = [AugmentationStep]()

    @Flag(help: "Fill the area beyond the edges of a tile with white, not with its mirror image.")
    var whiteBorder = false

    private static var defaults: String {
        let presets = Architecture.allCases.map(AugmentationPreset.usual)
        let training = presets.enumerated().filter { presets.firstIndex(of: $0.element) == $0.offset }.map {
            _, preset in
            let names = zip(Architecture.allCases, presets).filter { $0.1 == preset }.map(\.0.rawValue)
            return "\(preset.rawValue) (\(names.joined(separator: ", ")))"
        }
        return "\(training.joined(separator: " or ")) for training, else \(usualPreset.rawValue)"
    }

    var isEmpty: Bool { augmentation == nil && !cutout && leaveOut.isEmpty && !whiteBorder }

    /// The settings, with `preset` where no preset is named.
    func settings(_ preset: AugmentationPreset) -> AugmentationSettings {
        var settings = complete(preset)
        for step in leaveOut { settings.disable(step) }
        if whiteBorder { settings.geometry.hasWhiteBorder = true }
        return settings
    }

    /// Throws `ValidationError` when a step to leave out is not part of the augmentation.
    func check(_ preset: AugmentationPreset) throws {
        for step in leaveOut {
            var reduced = complete(preset)
            reduced.disable(step)
            try require(
                reduced != complete(preset), "--leave-out", "a step of the augmentation", found: step.rawValue)
        }
    }

    /// The settings with all steps.
    private func complete(_ preset: AugmentationPreset) -> AugmentationSettings {
        let preset = augmentation ?? preset
        var settings = cutout && preset == .reference ? .referenceCutout : preset.settings
        if cutout { settings.cutout.probability = 0.5 }
        return settings
    }
}
