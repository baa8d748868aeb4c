import Foundation
import Reports
import Testing

struct RunReportTests {
    private var full: RunReport {
        var report = RunReport()
        report.title = "A run"
        report.headline = [("0.900", "test accuracy")]
        report.remarks = ["Scored on 5 tiles."]
        report.scores = Page.Table("Scores", ["", "value"], [["accuracy", "0.9125"]])
        report.epochs = epochs(3)
        report.bestEpoch = 2
        report.classes = ["NO_NUCLEUS", "NUCLEI"]
        report.confusion = [[3, 1], [0, 4]]
        report.roc = ([.init(0, 0), .init(0, 1), .init(1, 1)], 0.98765)
        report.precisionRecall = ([.init(0, 1), .init(1, 0.625)], 0.87654)
        report.reliability = [
            .init("before calibration", bins: [.init(0.75, 0.5), .init(0.95, 0.9)], counts: [3, 5], error: 0.25),
            .init("calibrated", bins: [.init(0.7, 0.6875)], counts: [8], error: 0.0125),
        ]
        report.mistakes = [.init(image: jpeg, ["tile_1.png", "truly NUCLEI"])]
        report.mistakeCount = 7
        report.cycles = [
            .init(name: "0", accepted: "none", accuracy: 0.875, f1: 0.75, loss: 0.5, outcome: "kept"),
            .init(
                name: "1", accepted: "5 NUCLEI of 9", acceptedByClass: [("NUCLEI", 5), ("NO_NUCLEUS", 2)],
                rejectedByReason: [("unsure", 4)], accuracy: 0.8125, f1: 0.6875, loss: 0.625, outcome: "rolled back"),
        ]
        report.data = Page.Table("Tiles", ["part", "NUCLEI"], [["train", "77"]])
        report.groups = Page.Table("By group", ["group"], [["slide 5"]])
        report.command = "nuclei-train tiles"
        report.settings = [["seed", "42"]]
        return report
    }

    private func titles(_ report: RunReport) -> [String] { report.page.sections.map(\.title) }

    private func rows(_ report: RunReport, of title: String) -> [[String]] {
        let figures = report.page.sections.flatMap(\.blocks).flatMap { block -> [Page.Figure] in
            if case .figures(let figures) = block { figures } else { [] }
        }
        return figures.first { $0.chart.title == title }?.chart.numbers.rows ?? []
    }

    @Test func everythingGivenIsOnThePage() {
        #expect(
            titles(full) == [
                "Scores on the test", "Learning", "How sure, and how right", "Pseudo-labelling", "Mistakes", "Groups",
                "Data and settings",
            ])
        let reader = PageReader(full.page.html(missing))
        #expect(reader.problem == nil)
        for text in [
            "Scored on 5 tiles.", "0.9125", "3 (75.0 %)", "4 (100.0 %)", "area 0.9877", "average precision 0.8765",
            "before calibration, ECE 0.250", "calibrated, ECE 0.013", "tile_1.png", "truly NUCLEI",
            "The 1 most confident of 7 mistakes", "5 NUCLEI of 9", "turned down: unsure", "rolled back", "0.6250",
            "slide 5", "77", "nuclei-train tiles", "42",
        ] { #expect(reader.text.contains(text), "\(text)") }
    }

    @Test func chartsHaveTheNumbersGiven() {
        #expect(rows(full, of: "Loss")[1] == ["2", "0.375", "0.8125"])
        #expect(rows(full, of: "Accuracy")[2] == ["3", "0.5", "0.4375", "0.40625"])
        #expect(rows(full, of: "Gap between training and validation")[0] == ["1", "0.0625", "0.0625"])
        #expect(rows(full, of: "Learning rate")[0] == ["1", "0.001"])
        #expect(rows(full, of: "ROC curve")[1] == ["0", "1"])
        #expect(rows(full, of: "Reliability").contains(["tiles calibrated", "0.7", "8"]))
        #expect(rows(full, of: "Loss by cycle") == [["0", "0.5"], ["1", "0.625"]])
    }

    @Test(.enabled(if: hasGnuplot, "gnuplot is not installed")) func everythingIsDrawn() {
        let reader = PageReader(full.page.html())
        #expect(reader.problem == nil && reader.brokenNames == [] && reader.outsideReferences == [])
        #expect(reader.all("svg").count == 10 && reader.all("p", kind: "problem").isEmpty)
        #expect(reader.all("div", kind: "drawing").allSatisfy { $0.attributes["aria-label"]?.isEmpty == false })
        #expect(reader.all("text").map(\.text).contains("best epoch 2"))
    }

    @Test func anEmptyReportIsAPage() {
        #expect(titles(RunReport()) == [])
        #expect(PageReader(RunReport().page.html(missing)).problem == nil)
    }

    @Test(.enabled(if: hasGnuplot, "gnuplot is not installed"), arguments: [1, 2, 300])
    func runsOfAnyLengthAreDrawn(_ count: Int) {
        var report = RunReport()
        report.epochs = epochs(count)
        report.epochs[0].trainLoss = .nan
        let html = report.page.html()
        let reader = PageReader(html)
        #expect(reader.problem == nil && reader.all("svg").count == 4 && reader.all("p", kind: "problem").isEmpty)
        #expect(html.utf8.count < 250_000)
        #expect(reader.text.contains("and 250 more between these") == (count == 300))
    }

    @Test func withoutValidationOnlyTrainingIsShown() {
        var report = RunReport()
        report.epochs = epochs(2, isWatched: false)
        #expect(rows(report, of: "Loss") == [["1", "0.75"], ["2", "0.375"]])
        #expect(rows(report, of: "Gap between training and validation") == [])
    }

    @Test func oneClassAndNoMistakesAreFine() {
        var report = RunReport()
        report.classes = ["NUCLEI"]
        report.confusion = [[5]]
        #expect(titles(report) == ["Scores on the test", "Mistakes"])
        let reader = PageReader(report.page.html(missing))
        #expect(reader.text.contains("5 (100.0 %)") && reader.text.contains("None."))
        report.confusion = [[0]]
        #expect(PageReader(report.page.html(missing)).all("td").map(\.text) == ["0"])
    }
}
