import Charts
import Foundation
import Foundations
import Reports
import Testing

struct PageTests {
    private func chart(_ text: String) -> Chart {
        var chart = Chart(
            text, x: .init(text, 0...3), y: .init(text),
            [
                .init(text, .line, [.init(1, 0.5), .init(2, .nan), .init(3, 0.25)]),
                .init("other", .dots, [.init(1, 2)]),
            ])
        chart.mark = .init(2, text)
        return chart
    }

    private func page(_ text: String) -> Page {
        Page(
            text, subtitle: text, headline: [("0.973", "F1"), (text, text)],
            [
                Page.Section(
                    text,
                    [
                        .heading(text), .text(text), .list(["a", text]), .command(text),
                        .table(Page.Table(text, ["x", text], [[text, "1"]])), .figures([.init(chart(text), text)]),
                        .pictures([.init(image: jpeg, [text, text])]), .pictureSets([[.init(image: png, [text])]]),
                    ]), Page.Section("Second", []),
            ])
    }

    private func expectSound(_ html: String, sourceLocation: SourceLocation = #_sourceLocation) -> PageReader {
        let reader = PageReader(html)
        #expect(reader.problem == nil, sourceLocation: sourceLocation)
        #expect(reader.all("script").isEmpty, sourceLocation: sourceLocation)
        #expect(reader.outsideReferences == [], sourceLocation: sourceLocation)
        #expect(reader.brokenNames == [], sourceLocation: sourceLocation)
        #expect(
            !reader.elements.contains { $0.attributes.keys.contains { $0.hasPrefix("on") } },
            sourceLocation: sourceLocation)
        return reader
    }

    @Test func theReaderFindsErrors() {
        #expect(PageReader("<p><b></p>").problem != nil)
        #expect(PageReader("<p>a & b</p>").problem != nil)
        let reader = PageReader(
            "<p id='a'><img src='x.png' id='a'/><a href='#b'/><style>p { background: url(y) }</style></p>")
        #expect(reader.outsideReferences.count == 2 && Set(reader.brokenNames) == ["a", "b"])
    }

    @Test(arguments: hostileTexts) func textIsEscaped(_ text: String) {
        let reader = expectSound(page(text).html(missing))
        #expect(reader.all("section").count == 2 && reader.all("img").count == 2)
        if text.unicodeScalars.allSatisfy({ $0.properties.generalCategory != .control && $0.value < 0x2000 }) {
            for name in ["h1", "h2", "h3", "p", "li", "pre", "caption", "td", "th", "strong", "figcaption", "dt", "dd"]
            {
                #expect(reader.all(name).contains { $0.text == text || name == "td" }, "\(name)")
            }
        }
    }

    @Test(.enabled(if: hasGnuplot, "gnuplot is not installed"), arguments: hostileTexts)
    func textIsEscapedInCharts(_ text: String) {
        let reader = expectSound(page(text).html())
        #expect(reader.all("svg").count == 1 && reader.all("p", kind: "problem").isEmpty)
        let labels = reader.all("text").map(\.text)
        let start = text.replacingOccurrences(of: "'", with: "\u{2019}").prefix(3)
        #expect(labels.contains { $0.hasPrefix(start) } || text.unicodeScalars.contains { $0.value >= 0x2000 })
        #expect(!FileManager.default.fileExists(atPath: "marker"))
    }

    @Test func withoutGnuplotChartsAreTables() throws {
        let reader = expectSound(page("Loss").html(missing))
        let problem = try #require(reader.all("p", kind: "problem").first)
        #expect(problem.text == "Charts are shown as tables: /nowhere/gnuplot is not installed (Debian: gnuplot-nox)")
        #expect(
            reader.all("details").isEmpty && reader.all("svg").isEmpty && reader.all("div", kind: "numbers").count == 1)
        #expect(reader.all("td").map(\.text).contains("0.25"))
    }

    @Test(
        arguments: [
            ("echo broken >&2; exit 3", "ended with status 3: broken"), ("exit 0", "made 0 of 1 drawings"),
            ("kill -9 $$", "ended with status 137: no message"),
            ("exec sleep 20", "was not done after 0 s"),
            ("echo '<?xml?><svg>'", "made 0 of 1 drawings"),
        ])
    func failuresOfGnuplotAreReported(script: String, problem: String) throws {
        let path = NSTemporaryDirectory() + "nuclei-gnuplot-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try makeProgram(path, script)
        let seconds = script.hasPrefix("exec sleep") ? 0.5 : 60
        let reader = expectSound(page("Loss").html(Gnuplot(executable: path, secondsAllowed: seconds)))
        #expect(reader.all("p", kind: "problem").first?.text == "Charts are shown as tables: \(path) \(problem)")
        #expect(reader.all("div", kind: "numbers").count == 1)
    }

    @Test(.enabled(if: hasGnuplot, "gnuplot is not installed")) func chartsOfAllKindsAreDrawnInOrder() throws {
        let styles: [Chart.Series.Style] = [.line, .linesWithPoints, .points, .dots, .line, .bars(width: 0.5)]
        var charts = styles.enumerated().map { index, style in
            Chart(
                "chart \(index)", x: .init("x \(index)", isWhole: true), y: .init("y", isLogarithmic: index == 0),
                [.init("series \(index)", style, [.init(1, 1), .init(2, 100)])])
        }
        charts[1].strip = .init(y: .init("tiles"), [.init("lower", .bars(width: 0.1), [.init(1, 5)])])
        charts[1].diagonal = "perfect"
        charts[2].level = .init(3, "chance")
        charts[3].series = [.init("nothing", .line, [.init(1, .nan), .init(2, .infinity)])]
        let page = Page("", subtitle: "", headline: [], [.init("", [.figures(charts.map { .init($0, "") })])])
        let reader = expectSound(page.html())
        #expect(reader.all("svg").count == 5 && reader.all("details").count == 5)
        let labels = reader.all("text").map(\.text)
        let names = labels.filter { $0.hasPrefix("series") }
        #expect(names == ["series 0", "series 1", "series 2", "series 4", "series 5"])
        #expect(labels.contains("perfect") && labels.contains("chance") && labels.contains("tiles"))
        #expect(reader.text.contains("There is nothing to draw."))
    }

    @Test(.enabled(if: hasGnuplot, "gnuplot is not installed")) func seriesKeepTheirColors() {
        let points: [Chart.Point] = [.init(1, .nan), .init(2, 1), .init(3, 2)]
        var series = ["a", "b", "c"].map { Chart.Series($0, .line, points) }
        series[0].isMuted = true
        series.insert(.init("nothing", .line, []), at: 2)
        let chart = Chart("", x: .init("x"), y: .init("y"), series)
        let reader = PageReader(
            Page("", subtitle: "", headline: [], [.init("", [.figures([.init(chart, "")])])]).html())
        let strokes = reader.all("path").compactMap { $0.attributes["stroke"]?.replacingOccurrences(of: " ", with: "") }
        let colors = strokes.filter { ["rgb(0,114,178)", "rgb(0,158,115)"].contains($0) }
        #expect(colors == ["rgb(0,114,178)", "rgb(0,158,115)"], "blue, and green after one without points")
        #expect(strokes.contains("rgb(140,149,159)"))
        #expect(!strokes.contains("rgb(213,94,0)"))
    }

    @Test func tablesAreAlignedNamedAndCutOff() {
        var table = Page.Table(
            "t", ["group", "n", "share"], (0..<230).map { ["slide \($0)", "\($0)", $0 == 7 ? "-" : "1.5 %"] })
        table.shades = [[1, 0]]
        let page = Page("", subtitle: "", headline: [], [.init("", [.table(table)])])
        let reader = expectSound(page.html(missing))
        #expect(reader.all("th").filter { $0.attributes["scope"] == "row" }.count == 200)
        #expect(
            reader.all("th").filter { $0.attributes["scope"] == "col" }.map { $0.attributes["class"] } == [
                "words", "number", "number",
            ])
        #expect(reader.all("td").allSatisfy { $0.attributes["class"] == "number" })
        #expect(
            reader.all("td").prefix(3).map { $0.attributes["style"] } == [
                "background: rgba(0, 114, 178, 0.50)", "background: rgba(0, 114, 178, 0.04)", "",
            ])
        #expect(reader.all("p", kind: "more").map(\.text) == ["and 30 more"])
    }

    @Test func picturesHaveTheirMediaType() {
        let pictures = [jpeg, png, Data([1, 2, 3])].map { Page.Picture(image: $0, ["a.png", "line"]) }
        let page = Page("", subtitle: "", headline: [], [.init("", [.pictures(pictures)])])
        let reader = expectSound(page.html(missing))
        let sources = reader.all("img").compactMap { $0.attributes["src"] }
        #expect(sources == ["data:image/jpeg;base64,/9j/4A==", "data:image/png;base64,iVBORw0="])
        #expect(reader.all("div", kind: "unseen").count == 1)
        #expect(reader.all("img").allSatisfy { $0.attributes["alt"] == "a.png" })
    }

    @Test func pagesThatCannotBeWrittenThrow() {
        let error = #expect(throws: FileError.self) { try page("t").write(to: "/nowhere/page.html", missing) }
        #expect(error?.kind == .unwritable)
    }
}
