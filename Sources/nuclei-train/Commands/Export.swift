import ArgumentParser
import BundledModels
import Console
import Foundations
import NeuralNetworks

struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a model in a format of other programs.",
        discussion: """
            An ONNX file runs in ONNX Runtime, OpenVINO, OpenCV and other programs. Its input, image, takes RGB values from 0 \
            to 255 as floats, in the order samples, channels, rows, columns. Normalization, the calibration and softmax are inside. \
            Its output, probabilities, has the classes of each tile or, for a model that outlines nuclei, of each pixel: \
            background, interior and boundary.

            \(ExitStatus.help)
            """)

    @Argument(help: "Model file (.safetensors), or a bundled model: nuclei-unet or nuclei-compact.")
    var model: FilePath

    @Option(help: ArgumentHelp("ONNX file to write.", valueName: "file"), completion: .file(extensions: ["onnx"]))
    var onnx: FilePath

    @OptionGroup var messages: MessageOptions

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            messages.apply()
            let choice = ModelChoice(model)
            if let file = choice.file { try onnx.requireDistinct(from: [file]) }
            let loaded = try Interruption.endingAtOnce { try choice.load().model }
            try loaded.writeONNX(to: onnx, TemperatureScaling(loaded, path: model), version: version)
            Terminal.printLine("\(onnx): \(loaded.description.architecture.rawValue) as ONNX")
        }
    }
}
