import ArgumentParser
import Console
import Datasets
import Foundation
import Foundations
import Training

struct Train: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Train a network on a folder of tiles.",
        discussion: """
            DATASET is a folder with labels.csv (columns tile_id,label or filename,label, and optionally group, mpp, mask \
            and weight) and the images that it names; or a folder with a folder of images for each class, NUCLEI and \
            NO_NUCLEUS. Images are brought to the resolution of the model, where it and theirs are known, and cut into its \
            tiles. 20 % of the labeled tiles are held out for the test. All tiles \
            of one group (slide, patient or source image) are in the same part of the split. The run folder contains \
            best.safetensors, last.safetensors, history.csv, run.json and report.html.

            \(ExitStatus.help)
            """)

    @Argument(help: "Folder of tiles with labels.csv.")
    var dataset: FilePath?

    @Option(
        help: ArgumentHelp(
            "Same as nuclei-train resume RUN; with DATASET, as nuclei-train resume RUN --data DATASET.",
            valueName: "run"))
    var resume: FilePath?

    @OptionGroup(title: "Learning") var options: TrainingOptions

    @OptionGroup var session: SessionOptions

    @Option(name: .shortAndLong, help: "Folder of the run, new or empty (default: models/run-DATE-TIME).")
    var output: FilePath?

    @Flag(
        name: .customLong("continue"),
        help: """
            Begin the run in --output, resume it if it was stopped, or do nothing if it has finished. For job arrays, whose \
            tasks may be started again.
            """)
    var continues = false

    func validate() throws {
        try require(dataset != nil || resume != nil, "DATASET", "a folder of tiles, or --resume", found: "none")
        try require(!continues || output != nil, "--continue", "--output with it", found: "none")
        if resume != nil {
            let names = CommandLine.arguments.filter { $0.hasPrefix("-") }.map { $0.prefix { $0 != "=" } }
            let allowed = ["--resume", "--threads", "--quiet", "--verbose", "--json"]
            let other = names.first { name in
                !allowed.contains { $0 == name } && !name.dropFirst().allSatisfy { "tqv0123456789".contains($0) }
            }
            try require(
                other == nil, "--resume", "no other options than --threads, --quiet, --verbose and --json",
                found: other ?? "")
        }
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            session.messages.apply(json: session.json)
            if let resume { return try TrainingSession.resume(resume, movedTo: dataset, session) }
            guard let dataset else { return }
            if continues, let output {
                return try TrainingSession.startOrResume(
                    options.settings(hasOutlines: TileSet.hasOutlines(dataset)), dataset: dataset, output: output,
                    session)
            }
            try TrainingSession.start(
                options.settings(hasOutlines: TileSet.hasOutlines(dataset)), dataset: dataset,
                output: output ?? Self.newRunPath(), session)
        }
    }

    private static func newRunPath() -> FilePath {
        let format = DateFormatter()
        format.locale = Locale(identifier: "en_US_POSIX")
        format.dateFormat = "yyyyMMdd-HHmmss"
        return "models/run-\(format.string(from: Date()))"
    }
}
