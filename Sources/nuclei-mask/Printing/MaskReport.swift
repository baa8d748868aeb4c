import Console
import Foundations
import Imaging
import Masking

/// Lines about a finished mask.
struct MaskReport {
    private let record: MaskRecord
    private let request: MaskRequest
    private let findings: (any MaskFindings)?
    /// The cache, if it stays.
    private let cache: FilePath?

    init(_ record: MaskRecord, _ request: MaskRequest, cache: FilePath?, _ findings: (any MaskFindings)?) {
        (self.record, self.request, self.cache, self.findings) = (record, request, cache, findings)
    }

    /// Prints one line or, in detail, what the record contains. Warnings go to standard error.
    func print(inDetail: Bool) {
        let (windows, coverage, seconds) = (record.windows, record.coverage, record.seconds)
        let work =
            "\(request.image): \(record.image.width) x \(record.image.height) pixels, \(windows.count.counted(unit)) in "
            + "\(String(seconds.predicting + seconds.writing, decimals: 1)) s"
        let isOne = record.nuclei?.nuclei == 1
        let covering = isOne ? "1 nucleus" : record.nuclei.map { "\($0.nuclei) nuclei" } ?? "nuclei"
        let subject =
            record.settings.within.map {
                "tissue within \(String($0, significantDigits: 4)) microns of \(covering) covers"
            } ?? (covering + (isOne ? " covers" : " cover"))
        let nuclei = record.isEmpty ? "nothing was processed" : "\(subject) \(percent(coverage.nuclei.share))"
        Terminal.printLine(inDetail ? work : "\(work); \(nuclei)")
        if inDetail {
            printResolution()
            printWindows()
            Terminal.printLine(record.isEmpty ? nuclei : "\(nuclei) of the image\(shareOfProcessed)")
            if let density = record.nuclei?.perSquareMillimeter {
                Terminal.printLine("density: \(String(density, decimals: 0)) nuclei per square millimeter")
            }
            printRegions()
            printFiles()
        }
        if let parts = record.unreadableParts {
            Terminal.warn(
                "\(request.image): \(parts) could not be read; nothing is known about "
                    + "\(percent(coverage.unreadable.share)) of the image")
        }
        for warning in record.warnings ?? [] { Terminal.warn("\(request.image): \(warning)") }
        Terminal.detail("\(request.image): \(times)")
    }

    /// Parts of the image that results were computed for.
    private var unit: String { record.nuclei == nil ? "window" : "block" }

    /// Seconds of the parts of the work.
    private var times: String {
        let (seconds, parts) = (record.seconds, record.seconds.parts)
        let named = [
            ("model", seconds.loading), ("reading", parts.reading), ("waiting for it", parts.waiting),
            ("computing", parts.computing), ("writing", seconds.writing),
        ]
        return named.map { "\($0.0) \(String($0.1, decimals: 2)) s" }.joined(separator: ", ")
    }

    /// The share of the pixels with a probability, where these are not all pixels.
    private var shareOfProcessed: String {
        guard let share = record.nucleiShareOfPredicted, let processed = record.coverage.processed,
            processed.share < 1
        else { return "" }
        return ", \(percent(share)) of what was processed"
    }

    private func percent(_ share: Double) -> String { "\(String(share * 100, decimals: 2)) %" }

    private func printResolution() {
        let image = record.image
        if let found = image.micronsPerPixel {
            let source = image.resolutionSource == .user ? " (--mpp)" : ""
            Terminal.printLine("resolution: \(describeResolution((found.x, found.y))) microns per pixel\(source)")
        } else if image.resolutionSource == .model {
            Terminal.printLine(
                "resolution: \(describeResolution(record.micronsPerPixel)) microns per pixel assumed (see --mpp)")
        }
    }

    private func printWindows() {
        let windows = record.windows
        if windows.predicted < windows.count {
            let states = [
                (windows.predicted, "predicted"), (windows.withoutTissue, "without tissue"),
                (windows.outside, "outside the slide"), (windows.unreadable, "unreadable"),
            ]
            let found = states.filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
            Terminal.printLine("\(unit)s: \(found.joined(separator: ", "))")
        }
        if record.nuclei != nil { return }
        Terminal.printLine(
            findings?.sharing.map {
                "windows shared the features of \($0.trunk.counted("layer")), every \($0.stride) pixels"
            }
                ?? "windows were computed independently")
    }

    private func printRegions() {
        let coverage = record.coverage
        if let positive = coverage.positiveRegions, positive.pixels > 0 {
            let share = Double(coverage.nuclei.pixels) / Double(positive.pixels)
            Terminal.printLine("refined: nuclei cover \(percent(share)) of the positive regions")
        }
        if coverage.uncovered.pixels > 0 {
            Terminal.printLine(
                "\(percent(coverage.uncovered.share)) at the right and lower edge is not covered (--edges none)")
        }
    }

    private func printFiles() {
        for (kind, path) in request.files.sorted(by: { $0.key.rawValue < $1.key.rawValue }) where kind != .mask {
            Terminal.printLine("\(kind.rawValue): \(path)")
        }
        if let mask = request.files[.mask] { Terminal.printLine("mask: \(mask)") }
        if let cache { Terminal.printLine("windows: \(cache)") }
    }
}

extension RunSummary {
    /// Prints the outcome for all images.
    func printTable(_ path: FilePath?, seconds: Double) {
        Terminal.printLine()
        for line in table { Terminal.printLine(line) }
        Terminal.printLine()
        let images = rows.count.counted("image")
        Terminal.printLine("\(images)\(rows.isEmpty ? "" : ": \(counts)") in \(Progress.clock(seconds))")
        if let path { Terminal.printLine("summary: \(path)") }
    }
}

/// The output of `nuclei-mask --json`.
struct MaskDocument: Encodable {
    private struct Image: Encodable {
        let image: String
        let mask: String
        let state: String
        let problem: String?
        let record: MaskRecord?
    }

    private let images: [Image]
    private let seconds: Double
    private let summary: String?

    init(_ summary: RunSummary, _ path: FilePath?, seconds: Double) {
        images = summary.rows.map {
            Image(image: $0.image, mask: $0.mask, state: $0.state.rawValue, problem: $0.problem, record: $0.record)
        }
        (self.seconds, self.summary) = (seconds, path?.string)
    }
}
