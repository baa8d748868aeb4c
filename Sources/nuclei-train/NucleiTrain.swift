import ArgumentParser
import Console
import Datasets

@main
struct NucleiTrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nuclei-train",
        abstract: "Trains networks to tell H&E tiles with cell nuclei from tiles without.",
        discussion: "nuclei-train DATASET is short for nuclei-train train DATASET.\n\n\(ExitStatus.help)",
        version: version,
        subcommands: [Train.self, Evaluate.self, Explore.self, Augment.self, Synthesize.self],
        defaultSubcommand: Train.self)
}

extension DatasetError: ExitStatusProviding {
    package var exitStatus: ExitCode { hasOnlyUnreadableFiles ? ExitStatus.unreadable : ExitStatus.malformed }
}
