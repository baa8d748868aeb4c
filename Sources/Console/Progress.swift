import Foundations

/// The progress of long work: a bar on a terminal, an occasional line in a log.
package struct Progress {
    private let title: String
    private let unit: String
    /// The time of the first update and the work done by then. Earlier work, from a resumed run, does not count as speed.
    private var start: (time: ContinuousClock.Instant, done: Int)?
    private var shown: ContinuousClock.Instant
    private let interval: Duration

    /// `unit` is the noun of what is counted, such as "tiles" or "windows".
    package init(_ title: String, unit: String) {
        self.title = title
        self.unit = unit
        interval = Terminal.isInteractive ? .milliseconds(100) : .seconds(20)
        shown = .now
    }

    /// Reports the work done so far. `details` appear after the time left.
    package mutating func update(_ done: Int, of total: Int, details: String = "") {
        let now = ContinuousClock.now
        guard let start else {
            start = (now, done)
            return
        }
        guard now - shown >= interval else { return }
        shown = now
        let text = Self.text(
            done, of: total, since: start.done, seconds: (now - start.time).seconds, unit: unit, details: details)
        if Terminal.isInteractive {
            Terminal.showProgress("\(title) \(Self.bar(Double(done) / Double(max(1, total)))) \(text)")
        } else {
            Terminal.writeError("\(title)  \(text)\n")
        }
    }

    /// The work done, the speed of the work after `first`, and the time left.
    package static func text(
        _ done: Int, of total: Int, since first: Int, seconds: Double, unit: String, details: String
    ) -> String {
        let rate = Double(done - first) / max(seconds, 1e-9)
        let left = rate > 0 ? Double(total - done) / rate : .infinity
        let speed = "\(String(rate, decimals: 1)) \(unit)/s"
        return "\(done)/\(total)  \(speed)  \(clock(left)) left\(details.isEmpty ? "" : "  \(details)")"
    }

    package func end() { Terminal.endProgress() }

    package static func bar(_ share: Double, width: Int = 24) -> String {
        let full = Int((min(max(share, 0), 1) * Double(width)).rounded(.down))
        return "[" + String(repeating: "#", count: full) + String(repeating: ".", count: width - full) + "]"
    }

    /// Hours, minutes and seconds: "1:02:03", "2:03"; "--:--" for infinite and unknown times.
    package static func clock(_ seconds: Double) -> String {
        guard seconds.isFinite, seconds < 1e7 else { return "--:--" }
        let whole = Int(seconds.rounded())
        let (hours, minutes) = (whole / 3600, whole / 60 % 60)
        let rest = String(whole % 60, digits: 2)
        return hours > 0 ? "\(hours):\(String(minutes, digits: 2)):\(rest)" : "\(minutes):\(rest)"
    }
}
