import Foundations

/// The progress of long work: a bar on a terminal, an occasional line in a log.
package struct Progress {
    private let title: String
    private let unit: String
    /// The time of the first update and the work done by then. Earlier work, from a resumed run, does not count as speed.
    private var start: (time: ContinuousClock.Instant, done: Int)?
    private var shown: ContinuousClock.Instant

    /// `unit` is the noun of what is counted, such as "tiles" or "windows".
    package init(_ title: String, unit: String) {
        self.title = title
        self.unit = unit
        shown = .now
    }

    /// Reports the work done so far. `details` appear after the time left.
    package mutating func update(_ done: Int, of total: Int, details: String = "") {
        guard Terminal.showsProgress else { return }
        let now = ContinuousClock.now
        if let start {
            guard now - shown >= Self.interval(after: now - start.time) else { return }
        } else {
            start = (now, done)
            if !Terminal.isInteractive { return }
        }
        guard let start else { return }
        shown = now
        let texts = Self.texts(
            done, of: total, since: start.done, seconds: (now - start.time).seconds, unit: unit, details: details)
        let title = title.escapingControls
        if Terminal.isInteractive {
            let share = Double(done) / Double(max(1, total))
            Terminal.showProgress(Self.line(title, share, texts, columns: Terminal.columns - 1))
        } else {
            Terminal.writeErrorLine("\(title)  \(texts.joined(separator: "  "))")
        }
    }

    package func end() { Terminal.endProgress() }

    /// Time between two updates: ten per second on a terminal. In a log 20 seconds, and then a twentieth of the time
    /// passed, up to five minutes, so that days of work leave a log of readable length.
    private static func interval(after elapsed: Duration) -> Duration {
        Terminal.isInteractive ? .milliseconds(100) : min(max(.seconds(20), elapsed / 20), .seconds(300))
    }
}

// Texts.
extension Progress {
    /// The work done, the time left, the speed of the work after `first`, and details if there are any: the most
    /// important first.
    package static func texts(
        _ done: Int, of total: Int, since first: Int, seconds: Double, unit: String, details: String
    ) -> [String] {
        let rate = Double(done - first) / max(seconds, 1e-9)
        let left = rate > 0 ? Double(total - done) / rate : .infinity
        let texts = ["\(done)/\(total)", "\(clock(left)) left", "\(String(rate, decimals: 1)) \(unit)/s"]
        return details.isEmpty ? texts : texts + [details]
    }

    /// A line of at most `columns` columns. What does not fit is left out: the last texts first, then most of the title
    /// and of the bar.
    package static func line(_ title: String, _ share: Double, _ texts: [String], columns: Int) -> String {
        for (barWidth, shortestTitle) in [(24, 16), (10, 8), (10, 0), (0, 0)] {
            // The work done and the time left stay as long as the bar is long.
            for count in stride(from: texts.count, through: min(texts.count, barWidth == 24 ? 2 : 1), by: -1) {
                let bar = barWidth > 0 ? [bar(share, width: barWidth)] : []
                let rest = (bar + [texts.prefix(count).joined(separator: "  ")]).joined(separator: " ")
                let room = columns - rest.columns - 1
                if room >= min(shortestTitle, title.columns), room > 0, shortestTitle > 0 {
                    return "\(title.shortened(to: room)) \(rest)"
                }
                if shortestTitle == 0, rest.columns <= columns { return rest }
            }
        }
        let percent = "\(Int((min(max(share, 0), 1) * 100).rounded(.down))) %"
        return percent.columns <= columns ? percent : ""
    }

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
