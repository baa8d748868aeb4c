import Foundation

extension RunReport {
    var pseudoLabelling: [Page.Block] {
        let places = cycles.indices.map(Double.init)
        func points(_ value: (Cycle) -> Double) -> [Chart.Point] { zip(places, cycles).map { .init($0, value($1)) } }
        let x = Chart.Axis("cycle", isWhole: true)
        func chart(_ title: String, _ y: String, _ series: [Chart.Series]) -> Chart {
            var chart = Chart(title, x: x, y: .init(y), series)
            chart.shape = .square
            return chart
        }
        var figures = [
            Page.Figure(
                chart(
                    "Accuracy by cycle", "share of tiles",
                    [
                        .init("accuracy", .linesWithPoints, points(\.accuracy)),
                        .init("weighted F1", .linesWithPoints, points(\.f1)),
                    ]),
                "On the \(watched) tiles. The first cycle has learnt from the given labels alone."),
            Page.Figure(
                chart("Loss by cycle", "cross-entropy", [.init("calibrated loss", .linesWithPoints, points(\.loss))]),
                "On the \(watched) tiles. A cycle has helped when its loss is lower than that of the cycle before."),
        ]
        let names = Self.names(in: cycles.map(\.acceptedByClass))
        if !names.isEmpty {
            let width = 0.8 / Double(names.count)
            let series = names.enumerated().map { index, name in
                let shift = (Double(index) - Double(names.count - 1) / 2) * width
                return Chart.Series(
                    name, .bars(width: width),
                    zip(places, cycles).map { .init($0 + shift, Double(Self.tiles(of: name, in: $1.acceptedByClass))) })
            }
            figures.append(
                .init(
                    chart("Accepted pseudo-labels", "tiles", series),
                    "Tiles that each cycle took over with the class that the model before gave them. Classes that drift "
                        + "apart tell of a model that teaches itself its own mistakes."))
        }
        return [
            .text(
                "Each cycle trains from scratch on the given labels and on unlabelled tiles that the model of the cycle "
                    + "before was sure of. It stays only when it lowers the calibrated loss on the \(watched) tiles. "
                    + "pseudo_labels.csv has every decision."), .figures(figures), .table(cycleTable),
        ]
    }

    private var cycleTable: Page.Table {
        let reasons = Self.names(in: cycles.map(\.rejectedByReason))
        let rows = cycles.map { cycle in
            [cycle.name, cycle.accepted] + reasons.map { "\(Self.tiles(of: $0, in: cycle.rejectedByReason))" }
                + [cycle.accuracy, cycle.f1, cycle.loss].map { String(format: "%.4f", $0) } + [cycle.outcome]
        }
        return Page.Table(
            "Cycles, scored on the \(watched) tiles",
            ["cycle", "accepted labels"] + reasons.map { "turned down: \($0)" }
                + ["accuracy", "weighted F1", "calibrated loss", "outcome"], rows)
    }

    /// All names in the order in which they come.
    private static func names(in lists: [[(name: String, tiles: Int)]]) -> [String] {
        lists.joined().map(\.name).reduce(into: []) { names, name in if !names.contains(name) { names.append(name) } }
    }

    private static func tiles(of name: String, in list: [(name: String, tiles: Int)]) -> Int {
        list.filter { $0.name == name }.reduce(0) { $0 + $1.tiles }
    }
}
