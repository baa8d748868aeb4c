import ArgumentParser
import BundledModels
import Console
import Datasets
import Foundations
import Reports
import Tensors
import Training

/// The options that `train` and `resume` share.
struct SessionOptions: ParsableArguments {
    @OptionGroup var threads: ThreadOptions
    @OptionGroup var messages: MessageOptions

    @Flag(help: "Print one JSON document with the folder and the record of the run; other lines go to standard error.")
    var json = false
}

/// The work that `train` and `resume` share.
enum TrainingSession {
    /// Starts a run in a new or empty folder, and trains it to its end.
    static func start(_ settings: TrainingSettings, dataset: FilePath, output: FilePath, _ options: SessionOptions)
        throws
    {
        // Checked before the tiles are read, which takes a while.
        try Folder.requireNew(output)
        for path in [settings.initialModel].compactMap(\.self) + (settings.teachers ?? []) {
            guard let file = ModelChoice(FilePath(path)).file else { continue }
            _ = try FileError.reading(file) { try file.stat() }
        }
        try prepare(options)
        let (set, split) = try load(dataset, settings, options)
        try complete(
            TrainingRun(
                settings, set: set, split: split, path: output, version: version, command: commandLine), options)
    }

    /// Resumes the run in a folder, and trains it to its end. `dataset` is the new place of its data set; nil where it has
    /// not moved.
    static func resume(_ path: FilePath, movedTo dataset: FilePath?, _ options: SessionOptions) throws {
        try prepare(options)
        let folder = try RunFolder(resuming: path, movedTo: dataset)
        let place = FilePath(folder.record.dataset)
        guard place.isFolder else {
            throw FileError(
                place, .unreadable,
                "expected the data set of the run, found no folder; if it has moved, nuclei-train resume \(path) --data "
                    + "FOLDER takes its new place")
        }
        let (set, split) = try load(place, folder.record.settings, options)
        try complete(TrainingRun(resuming: folder, set: set, split: split), options)
    }

    /// Starts a run in a new or empty folder, resumes the one in it, or says that it has finished. Throws where the folder
    /// has a run with other settings, or of another data set.
    static func startOrResume(
        _ settings: TrainingSettings, dataset: FilePath, output: FilePath, _ options: SessionOptions
    ) throws {
        let file = RunFolder.recordFile(output)
        guard file.exists else { return try start(settings, dataset: dataset, output: output, options) }
        let record = try RunFolder.record(of: output)
        guard record.settings == settings else {
            let hint = record.state == .finished ? "" : " (nuclei-train resume continues it)"
            throw FileError(
                file, .unwritable, "expected a run with the settings of this command, found others\(hint)")
        }
        if record.state == .finished {
            if FilePath(record.dataset).place != dataset.place {
                // A copy of the data set is the same one.
                try prepare(options)
                let (set, _) = try load(dataset, settings, options)
                guard record.digest.map({ $0 == set.digest }) ?? true else {
                    throw FileError(
                        file, .unwritable, "expected a run on \(dataset), found one on other tiles, \(record.dataset)")
                }
            }
            // Refuses, but removes what a run that was killed just before its end has left.
            _ = try? RunFolder(resuming: output)
            Terminal.printLine("\(output): already finished")
            if options.json { try Terminal.printJSON(TrainingDocument(output, record)) }
        } else {
            try resume(output, movedTo: dataset, options)
        }
    }

    /// Sets the threads, which the record of a run states.
    private static func prepare(_ options: SessionOptions) throws {
        try Kernels.checkEnvironment()
        try Kernels.setThreadCount(options.threads.count)
        Terminal.detail("computing: \(options.threads.description), \(Kernels.instructions.rawValue) kernels")
    }

    private static func load(
        _ dataset: FilePath, _ settings: TrainingSettings, _ options: SessionOptions
    ) throws -> (TileSet, Split) {
        let set = try Interruption.endingAtOnce {
            try TileSet(showingProgress: dataset, target: settings.tileTarget, threads: options.threads.count)
        }
        let unknown = set.tiles.count { $0.micronsPerPixel == nil }
        if settings.architecture.outlinesNuclei, unknown > 0 {
            Terminal.note(
                "\(unknown) of \(set.tiles.count) tiles state no resolution (column mpp of labels.csv); used as tiles of "
                    + "\(settings.tileTarget)")
        }
        let split = try Interruption.endingAtOnce {
            try Split(set, settings.split, learnsOutlines: settings.architecture.outlinesNuclei)
        }
        TrainingPrinter.printTiles(set, split)
        return (set, split)
    }

    private static func complete(_ run: TrainingRun, _ options: SessionOptions) throws {
        var run = run
        var printer = TrainingPrinter(run)
        printer.printHeader(threads: options.threads.count)
        defer { if options.json { try? Terminal.printJSON(TrainingDocument(run.folder.path, run.folder.record)) } }
        try run.run(
            isInterruption: { $0 is Interrupted }, onEvent: { try printer.show($0) },
            beforeFinishing: { try RunReport($0).page().write(to: "\($0.folder.path)/report.html") })
        printer.printResult(of: run)
    }

    /// The command line, quoted for a shell.
    private static var commandLine: String {
        let arguments = CommandLine.arguments.dropFirst().map { argument in
            // Scalars, because a quote with a combining mark is one character.
            let scalars = argument.unicodeScalars
            let isPlain =
                !scalars.isEmpty
                && scalars.allSatisfy { $0.properties.isAlphabetic || "-_./=:,+0123456789".unicodeScalars.contains($0) }
            return isPlain ? argument : "'\(scalars.map { $0 == "'" ? "'\\''" : String($0) }.joined())'"
        }
        return (["nuclei-train"] + arguments).joined(separator: " ")
    }
}
