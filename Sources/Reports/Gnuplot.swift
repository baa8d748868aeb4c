import Foundation

/// Draws charts with gnuplot, as SVG.
package struct Gnuplot: Sendable {
    /// A name that is looked for on the PATH, or a path.
    package var executable: String

    package init(executable: String = "gnuplot") {
        self.executable = executable
    }

    /// Why there is no drawing.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// One drawing for each chart, by a single process. Throws `Failure` when gnuplot is missing or does not do it.
    package func svg(_ charts: [Chart]) throws(Failure) -> [String] {
        if charts.isEmpty { return [] }
        guard let path = Self.find(executable) else {
            throw Failure(description: "\(executable) is not installed (Debian: gnuplot-nox)")
        }
        let folder = NSTemporaryDirectory() + "nuclei-charts-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let outputs = charts.indices.map { "\(folder)/\($0).svg" }
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
            let script = zip(charts, outputs).map { $0.script(output: $1) }.joined(separator: "\nreset session\n")
            try Data(script.utf8).write(to: URL(fileURLWithPath: "\(folder)/script"))
            try Self.run(path, ["\(folder)/script"], messages: "\(folder)/messages")
            return try outputs.map { try String(contentsOfFile: $0, encoding: .utf8) }
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(description: "\(executable): \(error.localizedDescription)")
        }
    }

    private static func run(_ path: String, _ arguments: [String], messages: String) throws {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        // Charts look the same whatever the user's locale and gnuplot's start file say.
        process.environment = ["LC_ALL": "C", "PATH": "/usr/bin:/bin", "HOME": "/nonexistent"]
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        // A file, which never fills up as a pipe does.
        try Data().write(to: URL(fileURLWithPath: messages))
        process.standardError = FileHandle(forWritingAtPath: messages)
        try process.run()
        process.waitUntilExit()
        guard process.terminationReason == .exit, process.terminationStatus == 0 else {
            let text = (try? String(contentsOfFile: messages, encoding: .utf8)) ?? ""
            let last = text.split(separator: "\n").last { !$0.allSatisfy(\.isWhitespace) } ?? "no message"
            throw Failure(description: "\(path) ended with status \(process.terminationStatus): \(last)")
        }
    }

    private static func find(_ executable: String) -> String? {
        let isPath = executable.contains("/")
        let folders = isPath ? [] : (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let candidates = isPath ? [executable] : folders.map { "\($0)/\(executable)" }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
    }
}

extension Chart {
    /// Colours of Okabe and Ito (2008), which people with any colour vision tell apart; dashes and shapes differ too,
    /// for prints without colour.
    private static let colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9"]
    private static let dashes = ["solid", "(12,5)", "(3,4)", "(12,4,3,4)", "(20,6)", "(6,3)"]
    private static let shapes = [7, 4, 9, 10, 13, 1]

    func script(output: String) -> String {
        var lines = [
            "set terminal svg size \(isSquare ? "420,420" : "640,360") dynamic noenhanced font 'sans-serif,13' "
                + "linewidth 1.4 background '#ffffff'",
            "set output \(Self.quoted(output))",
            "set title \(Self.quoted(title)) font ',15'",
            "set xlabel \(Self.quoted(x.label))", "set ylabel \(Self.quoted(y.label))",
            "set border 3 linecolor '#555555'", "set tics nomirror out textcolor '#222222'",
            "set grid linecolor '#dddddd' linewidth 0.6 dashtype solid",
            "set key outside bottom center horizontal samplen 3 reverse Left", "set datafile missing 'NaN'",
        ]
        for (name, axis) in [("x", x), ("y", y)] {
            if let range = axis.range { lines.append("set \(name)range [\(range.lowerBound):\(range.upperBound)]") }
            if axis.isLogarithmic { lines.append("set logscale \(name); set format \(name) '%.0e'") }
        }
        if isSquare { lines.append("set size square") }
        if let mark {
            lines.append(
                "set arrow from first \(mark.x), graph 0 to first \(mark.x), graph 1 nohead linecolor '#555555' "
                    + "dashtype (2,3)")
            lines.append(
                "set label \(Self.quoted(mark.label)) at first \(mark.x), graph 0.97 offset 0.5,0 font ',11' "
                    + "textcolor '#444444'")
        }
        let drawn = series.filter { !$0.points.isEmpty }
        for (index, series) in drawn.enumerated() {
            lines.append("$data\(index) << END_OF_DATA")
            lines += series.points.map { "\($0.x) \($0.y.isFinite ? "\($0.y)" : "NaN")" }
            lines.append("END_OF_DATA")
        }
        var parts = drawn.indices.map {
            "$data\($0) using 1:2 title \(Self.quoted(drawn[$0].name)) \(style($0, of: drawn[$0]))"
        }
        if hasDiagonal { parts.insert("x notitle with lines linecolor '#999999' linewidth 0.8 dashtype (6,4)", at: 0) }
        if parts.isEmpty { parts = ["NaN notitle"] }
        lines.append("plot " + parts.joined(separator: ", "))
        lines.append("unset output")
        return lines.joined(separator: "\n")
    }

    private func style(_ index: Int, of series: Series) -> String {
        let colour = "linecolor '\(Self.colours[index % Self.colours.count])'"
        let dash = "dashtype \(Self.dashes[index % Self.dashes.count])"
        let shape = "pointtype \(Self.shapes[index % Self.shapes.count])"
        return switch series.style {
        // One point alone makes no line.
        case .line where series.points.count == 1, .linesWithPoints:
            "with linespoints \(colour) \(dash) \(shape) pointsize 0.6"
        case .line: "with lines \(colour) \(dash)"
        case .points: "with points \(colour) \(shape) pointsize 0.8"
        case .dots: "with points \(colour) \(shape) pointsize 0.35"
        case .steps: "with steps \(colour) \(dash)"
        }
    }

    /// A string of gnuplot's in which nothing has a meaning of its own.
    private static func quoted(_ text: String) -> String {
        let line = text.map { $0.isNewline ? " " : $0 }
        return "'" + String(line).replacingOccurrences(of: "'", with: "''") + "'"
    }
}
