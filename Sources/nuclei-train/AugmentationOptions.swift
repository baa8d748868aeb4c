import ArgumentParser
import Console
import Datasets

extension AugmentationPreset: ExpressibleByArgument {}
extension AugmentationStep: ExpressibleByArgument {
    /// Also accepts "colour", the spelling of earlier versions.
    package init?(argument: String) { self.init(rawValue: argument == "colour" ? "color" : argument) }
}

/// How tiles are varied at random.
struct AugmentationOptions: ParsableArguments {
    @Option(help: "How tiles are varied (default: reference for training lenet5, else pathology).")
    var augmentation: AugmentationPreset?

    @Flag(help: "Also erase a part of every other tile; with `reference`, instead of jitter and shear.")
    var cutout = false

    @Option(help: "Step of the augmentation to leave out; may be repeated.")
    var leaveOut = [AugmentationStep]()

    @Flag(help: "Where a turned or shifted tile ends, white instead of its mirror image.")
    var whiteBorder = false

    var isEmpty: Bool { augmentation == nil && !cutout && leaveOut.isEmpty && !whiteBorder }

    /// `preset` is what is meant when none is named.
    func settings(_ preset: AugmentationPreset) -> AugmentationSettings {
        var settings = whole(preset)
        for step in leaveOut { settings.disable(step) }
        if whiteBorder { settings.geometry.hasWhiteBorder = true }
        return settings
    }

    /// Throws when a step is to be left out that is not there.
    func check(_ preset: AugmentationPreset) throws {
        for step in leaveOut {
            var without = whole(preset)
            without.disable(step)
            try require(without != whole(preset), "--leave-out", "a step of the augmentation", found: step.rawValue)
        }
    }

    private func whole(_ preset: AugmentationPreset) -> AugmentationSettings {
        let preset = augmentation ?? preset
        var settings = cutout && preset == .reference ? .referenceCutout : preset.settings
        if cutout { settings.cutout.probability = 0.5 }
        return settings
    }
}
