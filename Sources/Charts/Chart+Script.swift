import Foundations

/// Charts as self-contained scripts for gnuplot 5.4.
extension Chart {
    /// Colors of Okabe and Ito (2008), which readers with any color vision can tell apart. Dashes and shapes differ too,
    /// for prints without color.
    private static let colors = ["#0072B2", "#D55E00", "#009E73", "#E69F00", "#CC79A7", "#56B4E9"]
    private static let dashes = ["solid", "(9,4)", "(2,3)", "(9,3,2,3)", "(14,4)", "(5,3)"]
    private static let shapes = [7, 9, 4, 13, 10, 1]
    private static let gray = "#8c959f"
    private static let ink = "#30363d"
    private static let longestName = 48

    func script() -> String {
        let (width, height) = size
        let (top, bottom) = (shape == .square ? 74.0 : 56, 58.0)
        var lines = [
            "set encoding utf8",
            "set terminal svg size \(width),\(height) dynamic noenhanced font 'sans-serif,14' background '#ffffff'",
            "set border 3 linecolor '\(Self.gray)'",
            "set tics nomirror out scale 0.5 textcolor '\(Self.ink)'",
            "set grid linetype 1 linecolor '#e3e6ea' linewidth 0.8",
            "set style fill solid 0.9 noborder", "set datafile missing 'NaN'",
            "set key above left Left reverse \(shape == .square ? "vertical maxrows 3" : "horizontal maxrows 2") samplen 2.5 "
                + "textcolor '\(Self.ink)'",
            // Fixed margins align the frames of charts of one shape.
            "set lmargin at screen \(80.0 / Double(width))", "set rmargin at screen \(1 - 18.0 / Double(width))",
            "set tmargin at screen \(1 - top / Double(height))", "set bmargin at screen \(bottom / Double(height))",
        ]
        let across = x.span(of: series.flatMap(\.abscissas) + (mark.map { [$0.value] } ?? []))
        lines += x.commands("x", across)
        let up = y.span(of: series.flatMap(\.ordinates) + (level.map { [$0.value] } ?? []))
        guard let strip else { return Self.text(lines + y.commands("y", up) + panel(series, across, up)) }

        lines += ["set multiplot", "set bmargin at screen 0.39", "set format x ''", "unset xlabel"]
        lines += y.commands("y", up) + panel(series, across, up)
        lines +=
            ["set tmargin at screen 0.33", "set bmargin at screen \(bottom / Double(height))", "unset key"]
            + x.commands("x", across)
        let below = strip.y.span(of: strip.series.flatMap(\.ordinates))
        lines += strip.y.commands("y", below) + Self.plot(strip.series, named: "strip") + ["unset multiplot"]
        return Self.text(lines)
    }

    private var size: (width: Int, height: Int) {
        switch shape {
        case .wide: (560, 330)
        case .square: (400, strip == nil ? 420 : 480)
        case .large: (760, 520)
        }
    }

    private func panel(_ series: [Series], _ across: ClosedRange<Double>, _ up: ClosedRange<Double>) -> [String] {
        let low = max(across.lowerBound, up.lowerBound)
        let high = min(across.upperBound, up.upperBound)
        let guides = [
            diagonal.map { ($0, [Point(low, low), Point(high, high)]) },
            level.map { ($0.label, [Point(across.lowerBound, $0.value), Point(across.upperBound, $0.value)]) },
            mark.map { ($0.label, [Point($0.value, up.lowerBound), Point($0.value, up.upperBound)]) },
        ]
        return Self.plot(series, guides: guides.compactMap { $0 }, named: "data")
    }

    /// Muted series come first, so that the others are drawn above them. Guides come last in the legend.
    private static func plot(
        _ series: [Series], guides: [(name: String, points: [Point])] = [], named prefix: String
    ) -> [String] {
        var (blocks, parts) = ([String](), [String]())
        func add(_ name: String, _ points: [Point], using columns: String = "1:2", _ style: String) {
            blocks.append("$\(prefix)\(parts.count) << END_OF_DATA")
            blocks += points.map { "\(number($0.x)) \(number($0.y))" } + ["END_OF_DATA"]
            let short = name.count > longestName ? name.prefix(longestName - 1) + "…" : name
            parts.append("$\(prefix)\(parts.count) using \(columns) title \(quoted(short)) with \(style)")
        }
        for one in series where one.isMuted && one.isDrawable {
            add(one.name, one.points, using: one.columns, one.look(gray, "solid", 6))
        }
        // Series without points keep their color, so that the others keep theirs.
        for (place, one) in series.filter({ !$0.isMuted }).enumerated() where one.isDrawable {
            let (color, dash, shape) = look(place)
            add(one.name, one.points, using: one.columns, one.look(color, dash, shape))
        }
        for guide in guides {
            add(guide.name, guide.points, "lines linecolor '\(gray)' linewidth 1.2 dashtype (4,3)")
        }
        return blocks + ["plot " + (parts.isEmpty ? "NaN notitle" : parts.joined(separator: ", "))]
    }

    private static func text(_ lines: [String]) -> String { lines.joined(separator: "\n") + "\n" }

    fileprivate static func number(_ value: Double) -> String { value.isFinite ? "\(value)" : "NaN" }

    /// A literal gnuplot string, without characters that XML cannot represent. gnuplot 5.4 reads a doubled apostrophe at
    /// the start of a string as an empty string, so apostrophes become typographic ones.
    fileprivate static func quoted(_ text: String) -> String {
        "'" + text.printable(control: " ").replacing("'", with: "\u{2019}") + "'"
    }

    private static func look(_ index: Int) -> (color: String, dash: String, shape: Int) {
        (colors[index % colors.count], dashes[index % dashes.count], shapes[index % shapes.count])
    }
}

extension Chart.Series {
    fileprivate var abscissas: [Double] {
        guard case .bars(let width) = style else { return points.map(\.x) }
        return points.flatMap { [$0.x - width * 0.75, $0.x + width * 0.75] }
    }

    fileprivate var ordinates: [Double] {
        guard case .bars = style else { return points.map(\.y) }
        return points.map(\.y) + [0]
    }

    fileprivate var isDrawable: Bool { points.contains { $0.x.isFinite && $0.y.isFinite } }

    fileprivate var columns: String {
        if case .bars(let width) = style { "1:2:(\(Chart.number(width)))" } else { "1:2" }
    }

    fileprivate func look(_ color: String, _ dash: String, _ shape: Int) -> String {
        let (line, point) = ("linecolor '\(color)' linewidth 2 dashtype \(dash)", "pointtype \(shape)")
        return switch style {
        // A single point makes no line.
        case .line where points.count == 1, .linesWithPoints:
            "linespoints \(line) \(point) pointsize 0.7"
        case .line: "lines \(line)"
        case .points: "points linecolor '\(color)' \(point) pointsize 0.8"
        case .dots: "points linecolor '\(color)' \(point) pointsize 0.4"
        case .bars: "boxes linecolor '\(color)' linewidth 1"
        }
    }
}

extension Chart.Axis {
    /// The given range, or that of the finite values with a margin. Never empty.
    fileprivate func span(of values: [Double]) -> ClosedRange<Double> {
        if let range, range.lowerBound < range.upperBound { return range }
        let usable = values.filter { $0.isFinite && (!isLogarithmic || $0 > 0) }
        guard let low = usable.min(), let high = usable.max() else { return isLogarithmic ? 0.1...1 : 0...1 }
        if isLogarithmic { return low / 2...high * 2 }
        if isWhole { return low == high ? low - 0.5...high + 0.5 : low...high }
        let margin = low == high ? max(abs(low) * 0.1, 0.1) : (high - low) * 0.05
        // The margin does not reach below zero without values there.
        return (low >= 0 && low < margin * 2 ? 0 : low - margin)...(high + margin)
    }

    fileprivate func commands(_ name: String, _ span: ClosedRange<Double>) -> [String] {
        var lines = [
            "set \(name)label \(Chart.quoted(label)) textcolor '#30363d' offset \(name == "x" ? "0,0.5" : "1,0")",
            "set \(name)range [\(Chart.number(span.lowerBound)):\(Chart.number(span.upperBound))]",
            "set format \(name) '\(isLogarithmic ? "%.0e" : "%g")'",
        ]
        lines.append("\(isLogarithmic ? "set" : "unset") logscale \(name)")
        if isWhole { lines.append("set \(name)tics \(Self.wholeStep(span.upperBound - span.lowerBound))") }
        return lines
    }

    /// The smallest step of 1, 2 or 5 times a power of ten with at most ten tick marks.
    private static func wholeStep(_ length: Double) -> Int {
        let powers = sequence(first: 1) { $0 * 10 }
        return powers.lazy.flatMap { [$0, 2 * $0, 5 * $0] }.first { length / Double($0) <= 10 }!
    }
}
