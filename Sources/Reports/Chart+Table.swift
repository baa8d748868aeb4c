import Charts
import Foundations

extension Chart {
    private static let rows = 50

    /// The points as a table, thinned evenly to about 50 rows. Series with equal x values share rows; otherwise each point
    /// has a row of its own.
    package var numbers: Page.Table {
        let all = series + (strip?.series ?? [])
        let places = all.first?.points.map(\.x) ?? []
        guard all.allSatisfy({ $0.points.map(\.x) == places }) else { return listed(all) }
        let kept = Self.thinned(places.count)
        var rows = kept.map { row in
            [Self.number(places[row])] + all.map { Self.number($0.points[row].y) }
        }
        if kept.count < places.count { rows.append([Self.more(places.count - kept.count)]) }
        return Page.Table(title, [x.label] + all.map(\.name), rows)
    }

    private func listed(_ all: [Series]) -> Page.Table {
        let rows = all.flatMap { series in
            let kept = Self.thinned(series.points.count)
            let rows = kept.map { index in
                [series.name, Self.number(series.points[index].x), Self.number(series.points[index].y)]
            }
            return rows + (kept.count < series.points.count ? [[Self.more(series.points.count - kept.count)]] : [])
        }
        return Page.Table(title, ["", x.label, strip == nil ? y.label : "value"], rows)
    }

    private static func thinned(_ count: Int) -> [Int] {
        count <= rows ? Array(0..<count) : (0..<rows).map { $0 * (count - 1) / (rows - 1) }
    }

    private static func more(_ count: Int) -> String { "and \(count) more between these" }

    private static func number(_ value: Double) -> String {
        value.isFinite ? String(value, significantDigits: 6) : "-"
    }
}
