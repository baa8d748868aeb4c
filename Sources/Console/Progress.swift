import Foundation

/// Shows how far long work is: a bar on a terminal, a plain line now and then in a log.
package struct Progress {
    private let title: String
    private let unit: String
    /// When the first part was done, and how much that was: what had been done before is not this run's speed.
    private var start: (time: ContinuousClock.Instant, done: Int)?
    private var shown: ContinuousClock.Instant
    private let interval: Duration

    /// `unit` names what is counted: "tiles", "windows".
    package init(_ title: String, unit: String) {
        self.title = title
        self.unit = unit
        interval = Terminal.isInteractive ? .milliseconds(100) : .seconds(20)
        shown = .now
    }

    /// Tells how much is done; `details` are shown behind the bar.
    package mutating func update(_ done: Int, of total: Int, details: String = "") {
        let now = ContinuousClock.now
        guard let start else {
            start = (now, done)
            return
        }
        guard now - shown >= interval else { return }
        shown = now
        let text = Self.text(
            done, of: total, since: start.done, seconds: Self.seconds(now - start.time), unit: unit, details: details)
        if Terminal.isInteractive {
            Terminal.showProgress("\(title) \(Self.bar(Double(done) / Double(max(1, total)))) \(text)")
        } else {
            Terminal.writeError("\(title)  \(text)\n")
        }
    }

    /// How much is done, how fast what came after `first` was, and how long the rest takes.
    package static func text(
        _ done: Int, of total: Int, since first: Int, seconds: Double, unit: String, details: String
    ) -> String {
        let rate = Double(done - first) / max(seconds, 1e-9)
        let left = rate > 0 ? Double(total - done) / rate : .infinity
        let speed = String(format: "%.1f %@/s", rate, unit)
        return "\(done)/\(total)  \(speed)  \(clock(left)) left\(details.isEmpty ? "" : "  \(details)")"
    }

    package func end() { Terminal.endProgress() }

    package static func bar(_ share: Double, width: Int = 24) -> String {
        let full = Int((min(max(share, 0), 1) * Double(width)).rounded(.down))
        return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: width - full) + "]"
    }

    /// Hours, minutes and seconds: "1:02:03", "2:03".
    package static func clock(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e7 else { return "--:--" }
        let whole = Int(seconds.rounded())
        return whole >= 3600
            ? String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
            : String(format: "%d:%02d", whole / 60, whole % 60)
    }

    /// A duration as a number.
    package static func seconds(_ duration: Duration) -> Double {
        Double(duration.components.seconds) + Double(duration.components.attoseconds) * 1e-18
    }
}
