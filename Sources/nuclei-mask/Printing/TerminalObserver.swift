import Console
import Foundations
import Masking

/// Prints notes and progress of one image, and cancels on Ctrl-C.
final class TerminalObserver: MaskObserver {
    private let image: FilePath
    /// Index and number of images; nil for a single image.
    private let position: (index: Int, count: Int)?
    private var bars = [MaskProgress.Stage: Progress]()
    /// When units of work were first reported, and the pixels decoded before.
    private var start: (time: ContinuousClock.Instant, pixels: Int)?
    private(set) var findings: (any MaskFindings)?

    init(_ image: FilePath, position: (index: Int, count: Int)?) {
        (self.image, self.position) = (image, position)
    }

    func note(_ text: String) {
        let warning = "warning: "
        if text.hasPrefix(warning) {
            Terminal.warn("\(image): \(text.dropFirst(warning.count))")
        } else {
            Terminal.note("\(image): \(text)")
        }
    }

    func opening<Value>(_ body: () throws -> Value) throws -> Value {
        Terminal.showStatus("\(title): opening")
        return try Interruption.endingAtOnce(body)
    }

    func found(_ findings: any MaskFindings) { self.findings = findings }

    private var title: String { position.map { "\($0.index + 1)/\($0.count) \(image.name)" } ?? image.name }

    func progress(_ progress: MaskProgress) throws {
        switch progress.stage {
        case .units(let unit):
            bars[progress.stage, default: Progress(title, unit: unit)]
                .update(progress.done, of: progress.total, details: decodingSpeed(progress.decodedPixels))
        case .rows(let step):
            bars[progress.stage, default: Progress("\(title): \(step)", unit: "rows")]
                .update(progress.done, of: progress.total)
        }
        let subject = position == nil ? "" : " of \(image)"
        let resumes = position != nil || progress.canResume ? "; the same command resumes" : ""
        try Interruption.check("interrupted; no mask\(subject) was written\(resumes)")
    }

    /// Speed of decoding, at three bytes per pixel.
    private func decodingSpeed(_ pixels: Int) -> String {
        guard let start else {
            start = (.now, pixels)
            return ""
        }
        let bytes = 3 * Double(pixels - start.pixels)
        return "\(String(bytes * 1e-6 / max(start.time.secondsSince, 1e-9), decimals: 1)) MB/s decoded"
    }
}
