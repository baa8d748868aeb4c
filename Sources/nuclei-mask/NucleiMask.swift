import ArgumentParser
import Console

@main
struct NucleiMask: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nuclei-mask",
        abstract: "Writes masks of where cell nuclei are in whole slides and crops.",
        discussion: "nuclei-mask IMAGE is short for nuclei-mask mask IMAGE.\n\n\(ExitStatus.help)",
        version: version,
        subcommands: [Mask.self, PlanCommand.self, OverlayCommand.self],
        defaultSubcommand: Mask.self)
}
