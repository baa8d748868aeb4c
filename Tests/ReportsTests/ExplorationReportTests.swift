import Foundation
import Reports
import Testing

struct ExplorationReportTests {
    private var full: ExplorationReport {
        var report = ExplorationReport()
        report.title = "tiles"
        report.remarks = ["Serious: two tiles"]
        report.tables = [Page.Table("Labels", ["part", "NUCLEI"], [["all", "1477"]])]
        let shares = (0..<256).map { $0 == 255 ? 0.5 : 0.5 / 255 }
        report.histograms = [.init(channel: "red", classes: [("NUCLEI", shares), ("unlabeled", shares)])]
        report.components = [("NUCLEI", [.init(1, 2)]), ("unlabeled", (0..<5999).map { .init(Double($0), 1) })]
        report.explained = [0.5, 0.25]
        report.samples = [.init("NUCLEI", "1 of 1", [.init(image: jpeg, ["a.png"])])]
        report.findings = [
            .init(
                "Nearly the same", "1 pair", [], sets: [[.init(image: jpeg, ["b.png"]), .init(image: png, ["c.png"])]])
        ]
        report.groups = Page.Table("By group", ["group"], [["slide 5"]])
        return report
    }

    private func drawn(_ title: String) -> Chart? {
        let figures = full.page.sections.flatMap(\.blocks).flatMap { block -> [Page.Figure] in
            if case .figures(let figures) = block { figures } else { [] }
        }
        return figures.map(\.chart).first { $0.title == title }
    }

    @Test func everythingGivenIsOnThePage() {
        #expect(
            full.page.sections.map(\.title) == [
                "To look into", "Tiles", "Samples", "Pixel values", "Principal components", "Findings", "Groups",
            ])
        let reader = PageReader(full.page.html(missing))
        #expect(reader.problem == nil && reader.all("img").count == 3 && reader.all("div", kind: "set").count == 2)
        for text in [
            "Serious: two tiles", "1477", "component 1 (50 % of the variance)", "component 2 (25 % of the variance)",
            "1 pair", "c.png", "slide 5",
        ] { #expect(reader.text.contains(text), "\(text)") }
    }

    @Test func clippedValuesDoNotFlattenTheRest() throws {
        let chart = try #require(drawn("Red"))
        #expect(chart.series[0].points[255].y == 50)
        #expect(try #require(chart.y.range).upperBound < 0.25)
        #expect(chart.series.map(\.isMuted) == [false, true])
    }

    @Test func manyTilesAreThinnedAndFewKept() throws {
        let chart = try #require(drawn("Tiles by their pixels"))
        #expect(chart.series[0].points.count == 1 && chart.series[1].points.count == 3000)
        #expect(PageReader(full.page.html(missing)).text.contains("3001 of 6000 tiles are drawn"))
    }

    @Test(.enabled(if: hasGnuplot, "gnuplot is not installed")) func thePageStaysLight() {
        let html = full.page.html()
        let reader = PageReader(html)
        #expect(reader.problem == nil && reader.brokenNames == [] && reader.outsideReferences == [])
        #expect(reader.all("svg").count == 2)
        #expect(html.utf8.count < 600_000)
    }

    @Test func anEmptyReportIsAPage() {
        let page = ExplorationReport().page
        #expect(page.sections.map(\.title) == ["To look into"])
        #expect(PageReader(page.html(missing)).text.contains("Nothing that this program knows to look for."))
    }
}
