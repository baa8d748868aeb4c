import Datasets
import FoundationEssentials
import Foundations
import Training

extension RunReport {
    private static let shownGroups = 100

    var scoreTable: Page.Table {
        let names: [(Metric, String)] = [
            (.accuracy, "accuracy"), (.precision, "weighted precision"), (.recall, "weighted recall"),
            (.f1, "weighted F1"), (.mcc, "MCC"), (.rocAUC, "ROC-AUC"), (.loss, "loss"),
            (.calibrationError, "calibration error"),
        ]
        func row(_ name: String, _ estimate: MetricEstimates.Estimate?) -> [String] {
            [
                name, estimate.map { String($0.value, decimals: 4) } ?? "-",
                estimate?.interval.map { "\(String($0.low, decimals: 4)) to \(String($0.high, decimals: 4))" } ?? "-",
            ]
        }
        var rows = names.map { row($0.1, estimates[$0.0]) }
        if let uncalibratedEstimates {
            rows.append(row("loss before calibration", uncalibratedEstimates[.loss]))
            rows.append(row("calibration error before", uncalibratedEstimates[.calibrationError]))
        }
        let units = hasGroups ? "groups" : "tiles"
        return Page.Table(
            "Scores with 95 % bootstrap intervals over \(estimates.resampledGroups) \(units)",
            ["", "value", "95 % interval"], rows)
    }

    var confusionTable: Page.Table {
        let counts = confusion.counts
        let totals = counts.map { $0.reduce(0, +) }
        func share(_ count: Int, _ total: Int) -> Double { total == 0 ? 0 : Double(count) / Double(total) }
        let rows = counts.indices.map { truth in
            [TileLabel.names[truth]]
                + counts[truth].map { count in
                    let percent = String(share(count, totals[truth]) * 100, decimals: 1)
                    return totals[truth] == 0 ? "\(count)" : "\(count) (\(percent) %)"
                }
        }
        var table = Page.Table(
            "Confusion matrix, with shares of each true class", ["truth"] + TileLabel.names.map { "predicted \($0)" },
            rows)
        table.shades = counts.indices.map { truth in counts[truth].map { share($0, totals[truth]) } }
        return table
    }

    var groupTable: Page.Table {
        let scores = GroupScore.all(of: probabilities, groups: testGroups, names: TileLabel.names)
        let rows = scores.prefix(Self.shownGroups).map { score in
            [score.group ?? "(no group)", "\(score.tiles)", String(score.accuracy, decimals: 3)]
                + TileLabel.names.flatMap { name in
                    ["\(score.counts[name] ?? 0)", score.recall[name].map { String($0, decimals: 3) } ?? "-"]
                } + [String(score.loss, decimals: 3)]
        }
        let more = scores.count > Self.shownGroups ? " (\(Self.shownGroups) of \(scores.count))" : ""
        return Page.Table(
            "Test tiles by group, the worst first\(more)",
            ["group", "tiles", "accuracy"] + TileLabel.names.flatMap { [$0, "recall"] } + ["loss"], rows)
    }

    var dataTable: Page.Table {
        func groups(_ part: [Int]) -> String { "\(Set(part.compactMap { set.tiles[$0].group }).count)" }
        let parts = [("training", split.train), ("validation", split.validation), ("test", split.test)]
        var rows = parts.filter { !$0.1.isEmpty }.map { name, part in
            [name] + set.counts(of: part).map(String.init) + ["0", groups(part)]
        }
        if !split.unlabeled.isEmpty {
            rows.append(
                ["unlabeled"] + TileLabel.names.map { _ in "0" }
                    + ["\(split.unlabeled.count)", groups(split.unlabeled)])
        }
        return Page.Table(
            "Tiles by part; training, validation and test share no group",
            ["part"] + TileLabel.names + ["unlabeled", "groups"], rows)
    }

    /// The settings in `run.json`, a row for each.
    var settingsTable: Page.Table {
        func rows(_ value: JSONValue, _ name: String) -> [[String]] {
            switch value {
            case .object(let members):
                members.keys.sorted().flatMap { rows(members[$0]!, name.isEmpty ? $0 : "\(name).\($0)") }
            case .array(let values): [[name, values.map(text).joined(separator: ", ")]]
            default: [[name, text(value)]]
            }
        }
        func text(_ value: JSONValue) -> String {
            switch value {
            case .null: "none"
            case .bool(let value): "\(value)"
            case .number(let value): Int(exactly: value).map(String.init) ?? "\(value)"
            case .string(let value): value
            case .array(let values): values.map(text).joined(separator: ", ")
            case .object: ""
            }
        }
        let settings = (try? JSON.decode(JSONValue.self, from: JSON.data(record.settings))) ?? .null
        // Numbers of JSON are floats here, which seeds may exceed.
        let seeds = ["seed": record.settings.seed, "split.seed": record.settings.split.seed]
        let rows = rows(settings, "").map { [$0[0], seeds[$0[0]].map { "\($0)" } ?? $0[1]] }
        return Page.Table("Settings", ["name", "value"], rows)
    }
}
