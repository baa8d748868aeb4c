import Charts
import Datasets
import Foundation
import Reports
import TestSupport
import Testing

@Suite(.kernelTurns) struct ExplorationReportTests {
    private let set: TileSet
    private let exploration: Exploration

    init() throws {
        set = try SyntheticTiles.set.get()
        exploration = try Exploration(set, Split.Settings(), threads: 2)
    }

    @Test func everythingIsOnThePage() throws {
        let page = ExplorationReport(exploration, set, scratch: temporaryFolder).page()
        #expect(
            page.sections.map(\.title).filter { $0 != "Findings" } == [
                "To look into", "Tiles", "Samples", "Pixel values", "Principal components", "Groups",
            ])
        let parts = try #require(table("Labels", on: page))
        #expect(parts.header == ["part", "NUCLEI", "NO_NUCLEUS", "unlabeled"])
        #expect(parts.rows[0].last == "4" && parts.rows.last?.prefix(3) == ["unlabeled", "0", "0"])
        #expect(table("Pixel values", on: page)?.rows.count == 12)
        let reader = PageReader(page.html(missing))
        #expect(reader.problem == nil && reader.all("img").count >= 12 + 12 + 4)
        for text in ["NUCLEI: samples", "4 of 4 tiles", "% of the variance)"] {
            #expect(reader.text.contains(text), "\(text)")
        }
        let scatter = try #require(chart("Principal components", on: page))
        #expect(scatter.series.map(\.name) == ["NUCLEI", "NO_NUCLEUS", "unlabeled"])
        #expect(scatter.series.reduce(0) { $0 + $1.points.count } == 44)
        #expect(scatter.series.map(\.isMuted) == [false, false, true])
    }

    @Test func clippedValuesDoNotSetTheScale() throws {
        let shares = (0..<256).map { $0 == 255 ? 0.5 : 0.5 / 255 }
        let chart = ExplorationReport.histogram("red", [("NUCLEI", shares), ("unlabeled", shares)])
        #expect(chart.title == "Red" && chart.series[0].points[255].y == 50)
        #expect(try #require(chart.y.range).upperBound < 0.25)
        #expect(chart.series.map(\.isMuted) == [false, true])
    }

    @Test func manyTilesAreThinnedAndFewKept() {
        let chart = ExplorationReport.scatter(
            [("NUCLEI", [.init(1, 2)]), ("unlabeled", (0..<5999).map { .init(Double($0), 1) })], explained: [0.5])
        #expect(chart.series.map(\.points.count) == [1, 3000])
        #expect(chart.x.label == "component 1 (50 % of the variance)" && chart.y.label == "component 2")
    }

    @Test(.enabled(if: hasGnuplot, "gnuplot is not installed")) func thePageIsDrawn() throws {
        let reader = PageReader(ExplorationReport(exploration, set, scratch: temporaryFolder).page().html())
        #expect(reader.problem == nil && reader.brokenNames == [] && reader.outsideReferences == [])
        #expect(reader.all("svg").count == 4)
    }
}
