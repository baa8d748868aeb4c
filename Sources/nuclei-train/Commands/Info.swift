import ArgumentParser
import BundledModels
import Console
import Foundations
import NeuralNetworks

struct Info: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Describe a model: architecture, resolution, training, scores.",
        discussion: """
            Prints what the model file records. Scores are those of the last or best epoch during training; evaluate computes \
            them, with intervals.

            \(ExitStatus.help)
            """)

    @Argument(help: "Model file (.safetensors), or a bundled model: nuclei-unet or nuclei-compact.")
    var model: FilePath

    @Flag(help: "Print JSON.")
    var json = false

    @OptionGroup var messages: MessageOptions

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            messages.apply(json: json, resultsArePurpose: true)
            let choice = ModelChoice(model)
            let info = try Interruption.endingAtOnce {
                let (loaded, sha256) = try choice.load()
                return try ModelInfo(loaded, choice.path, sha256: sha256)
            }
            if json { try Terminal.printJSON(info) } else { info.show() }
        }
    }
}
