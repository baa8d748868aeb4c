import ArgumentParser
import Console

@main
struct NucleiMask: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nuclei-mask",
        abstract: "Writes masks of cell nuclei in whole slides and crops.",
        discussion: "nuclei-mask IMAGE is short for nuclei-mask mask IMAGE.\n\n\(ExitStatus.help)",
        version: version,
        subcommands: [
            MaskCommand.self, PlanCommand.self, SummaryCommand.self, OverlayCommand.self, ReportCommand.self,
            ScoreCommand.self,
        ],
        defaultSubcommand: MaskCommand.self)

    static func main() { runProgram() }
}
