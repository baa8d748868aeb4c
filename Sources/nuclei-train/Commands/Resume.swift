import ArgumentParser
import Console
import Foundations

struct Resume: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Resume a run that was stopped.",
        discussion: """
            Continues from the last checkpoint, with the data set and the settings of the run. The result has the same \
            bits as that of an uninterrupted run.

            \(ExitStatus.help)
            """)

    @Argument(help: ArgumentHelp("Folder of the run.", valueName: "run"))
    var folder: FilePath

    @Option(help: "Folder of the data set, where it has moved since the run was started.", completion: .directory)
    var data: FilePath?

    @OptionGroup var session: SessionOptions

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            session.messages.apply(json: session.json)
            try TrainingSession.resume(folder, movedTo: data, session)
        }
    }
}
