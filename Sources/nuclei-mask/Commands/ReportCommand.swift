import ArgumentParser
import Console
import Foundations
import Masking

struct ReportCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "report",
        abstract: "Write pages to look at images and their masks in a browser.",
        discussion: """
            Each page is one HTML file that needs no other and makes no request: the image to zoom, outlines of what is white in the \
            mask, and the record. With the files of --nuclei FILE.geojson or --csv, it also shows probabilities, \
            with a threshold to move; with that of --tissue-geojson, the tissue. The files are those that the record names.

            \(ExitStatus.helpForMany)
            """)

    @OptionGroup var masked: MaskedImages

    @Option(
        name: .shortAndLong,
        help: "Page to write, .html, with {} for the name of IMAGE (default: {}_nuclei_report.html).",
        completion: .file())
    var output: String?

    @Option(help: "Longest side of the picture in the page, in pixels. A page of 3072 has 1 to 5 MB.")
    var size = 3072

    @OptionGroup var messages: MessageOptions

    func validate() throws {
        try require(256...16384 ~= size, "--size", "256 to 16384", found: size)
        if let output {
            try require(output.lowercased().hasSuffix(".html"), "--output", "a name with .html", found: output)
        }
    }

    func run() throws {
        try reportingErrors {
            Interruption.watch()
            messages.apply()
            let batch = try masked.batch(output: output, path: page)
            try forEachImage(of: batch) { try write($0, batch.names) }
        }
    }

    private func page(_ image: FilePath, _ names: OutputNames) -> FilePath {
        names.resolve(output ?? "\(OutputNames.placeholder)_nuclei_report.html", for: image)
    }

    private func write(_ image: FilePath, _ names: OutputNames) throws {
        let mask = try names.existingMask(masked.mask, for: image)
        let path = page(image, names)
        try path.requireDistinct(from: [image, mask])
        AtomicFile.removeLeftovers(of: path)
        var progress = Progress(image.name, unit: "rows")
        let content = try SlidePage(image, mask: mask, side: size, beside: path) { step, done, total in
            progress.update(done, of: total, details: step)
            try Interruption.check("interrupted; no report of \(image) was written")
        }
        if let other = content.otherImage { Terminal.warn("\(mask) was made from \(other)") }
        try content.write(to: path)
        Terminal.printLine("report: \(path)")
    }
}
