import ArgumentParser
import Console
import Datasets

@main
struct NucleiTrain: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "nuclei-train",
        abstract: "Train networks to find H&E tiles with cell nuclei.",
        discussion: "nuclei-train DATASET is short for nuclei-train train DATASET.\n\n\(ExitStatus.help)",
        version: version,
        subcommands: [
            Train.self, Resume.self, Evaluate.self, Info.self, Export.self, Explore.self, Augment.self, Import.self,
            Synthesize.self,
        ],
        defaultSubcommand: Train.self)

    static func main() { runProgram() }
}

extension DatasetError: ExitStatusProviding {
    package var exitStatus: ExitCode { hasOnlyUnreadableFiles ? ExitStatus.unreadable : ExitStatus.malformed }
    package var lines: [String] { description.split(separator: "\n").map(String.init) }
}
