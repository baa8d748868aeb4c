import ArgumentParser
import Console
import Foundations
import Masking

struct SummaryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary",
        abstract: "Summarize the masks in a folder from their records.",
        discussion: """
            Reads the records of the masks in FOLDER and in the folders inside it, and writes one row for each image, as \
            masking does. No image is opened. With --images, images without a finished mask are named: missing, or busy \
            where a process works on them.

            Exit status: 0 all have masks, 74 parts of a slide could not be read, 75 masks are missing or in work, 65 a \
            record is damaged, 66 no records found, 73 the summary cannot be written.
            """)

    @Argument(help: "Folder with masks and their records.", completion: .directory)
    var folder: FilePath

    @Option(
        name: .customLong("images"),
        help: "List of the images that should have masks, as for masking (default: all that have records).",
        completion: .file())
    var list: FilePath?

    @Option(help: "CSV to write (default: summary.csv in FOLDER).", completion: .file())
    var summary: FilePath?

    @Flag(help: "Print one JSON document with the records; other lines go to standard error.")
    var json = false

    @Flag(help: "End with 0 instead of 74 where parts of a slide could not be read.")
    var acceptUnreadable = false

    @OptionGroup var messages: MessageOptions

    /// Images that are named at most.
    private static let namedCount = 20

    func validate() throws { try requireCSV(summary, "--summary") }

    private func warn(_ rows: [RunSummary.Row], _ what: String, _ path: FilePath, _ text: (RunSummary.Row) -> String) {
        for row in rows.prefix(Self.namedCount) { Terminal.warn("\(row.image): \(text(row))") }
        if rows.count > Self.namedCount {
            Terminal.warn("\(rows.count - Self.namedCount) more images \(what); see \(path)")
        }
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            messages.apply(json: json)
            let start = ContinuousClock.now
            let images = try list.map { path throws(FileError) in try ImageList(path) }
            let path = summary ?? folder.appending("summary.csv")
            if summary == nil { try RunSummary.requireReplaceable(path) }
            let summary = try Interruption.endingAtOnce { try RunSummary(recordsIn: folder, list: images) }
            try path.requireDistinct(from: (list.map { [$0] } ?? []) + summary.files)
            try AtomicFile.write(summary.csv, to: path)
            let unfinished = summary.rows.filter { [.missing, .busy].contains($0.state) }
            warn(unfinished, "have no mask", path) { "\($0.state.rawValue): \($0.problem ?? "")" }
            let unreadable = acceptUnreadable ? [] : summary.rows.filter { $0.record?.unreadableParts != nil }
            warn(unreadable, "have unreadable parts", path) { $0.problem ?? "" }
            for record in summary.damagedRecords {
                Terminal.warn("\(record): expected the whole record of a mask, found a part; mask its image again")
            }
            let seconds = start.secondsSince
            let count = summary.rows.count
            Terminal.printLine("\(count.counted("image")): \(summary.counts)")
            Terminal.printLine("summary: \(path)")
            if json { try Terminal.printJSON(MaskDocument(summary, path, seconds: seconds)) }
            let status = ExitStatus.combined(
                (unfinished.isEmpty ? [] : [ExitStatus.busy])
                    + summary.damagedRecords.map { _ in ExitStatus.malformed },
                isPartlyUnreadable: summary.hasUnreadableParts && !acceptUnreadable)
            if status != .success { throw status }
        }
    }
}
