import Foundation
import Reports
import Testing

/// What a report puts on its page, and that it does with little.
struct ReportTests {
    private let gnuplot = Gnuplot(executable: "/nowhere/gnuplot")

    private func titles(_ page: Page) -> [String] { page.sections.map(\.title) }

    @Test func anEmptyReportIsAPage() {
        #expect(titles(RunReport().page) == ["Scores on the test", "Data and settings"])
        #expect(titles(ExplorationReport().page) == ["To look into", "Tiles"])
        #expect(RunReport().page.html(gnuplot).contains("Data and settings"))
    }

    @Test func aRunShowsWhatItHas() {
        var report = RunReport()
        report.title = "A run"
        report.headline = [("0.900", "test accuracy")]
        report.epochs = [
            .init(
                number: 1, trainLoss: 0.75, trainAccuracy: 0.5, watchedLoss: 0.8125, watchedAccuracy: 0.6,
                watchedF1: 0.55, learningRate: 1e-3)
        ]
        report.bestEpoch = 1
        report.classes = ["NO_NUCLEUS", "NUCLEI"]
        report.confusion = [[3, 1], [0, 0]]
        report.roc = ([.init(0, 0), .init(0, 1), .init(1, 1)], 1)
        report.reliability = [.init("before", bins: [.init(0.75, 0.5)], error: 0.25)]
        report.mistakes = [.init(jpeg: Data([0]), ["tile_1.png"])]
        report.mistakeCount = 7
        report.cycles = [
            .init(name: "1", accepted: "5 NUCLEI", accuracy: 0.9, f1: 0.8, loss: 0.3, outcome: "rolled back")
        ]
        #expect(
            titles(report.page) == [
                "Scores on the test", "How sure, and how right", "Pseudo-labelling", "Learning", "Mistakes",
                "Data and settings",
            ])
        let html = report.page.html(gnuplot)
        for text in [
            "3 (75.0 %)", "1 (25.0 %)", "<td>0</td>", "area 1.0000", "before, error 0.250", "0.8125", "0.0625",
            "The 1 most confident of 7 mistakes", "rolled back", "0.9000", "tile_1.png",
        ] {
            #expect(html.contains(text), "\(text)")
        }
    }

    @Test func anExplorationShowsWhatItHas() {
        var report = ExplorationReport()
        report.remarks = ["Serious: two tiles"]
        report.histograms = [.init(channel: "red", classes: [("NUCLEI", [Double](repeating: 1 / 256, count: 256))])]
        report.components = [("NUCLEI", [.init(1, 2)]), ("unlabelled", [])]
        report.explained = [0.5, 0.25]
        report.samples = [.init("NUCLEI: samples", "1 of 1", [.init(jpeg: Data([0]), ["a.png"])])]
        #expect(
            titles(report.page) == ["To look into", "Tiles", "NUCLEI: samples", "Pixel values", "Principal components"])
        let html = report.page.html(gnuplot)
        #expect(html.contains("component 1 (50 % of the variance)") && html.contains("Serious: two tiles"))
    }
}
