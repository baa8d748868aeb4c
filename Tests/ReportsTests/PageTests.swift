import Files
import Foundation
import Reports
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// What is in a page, as an XML parser finds it.
private final class PageReader: NSObject, XMLParserDelegate {
    private(set) var problem: (any Error)?
    private(set) var elements = [String]()
    private(set) var references = [String]()
    private(set) var text = ""

    init(_ html: String) {
        super.init()
        let parser = XMLParser(data: Data(html.utf8))
        parser.delegate = self
        if !parser.parse() { problem = parser.parserError }
    }

    func parser(
        _ parser: XMLParser, didStartElement name: String, namespaceURI: String?, qualifiedName: String?,
        attributes: [String: String] = [:]
    ) {
        elements.append(name)
        references += [attributes["src"], attributes["href"]].compactMap { $0 }
    }

    func parser(_ parser: XMLParser, foundCharacters string: String) { text += string }
}

struct PageTests {
    private static let hasGnuplot = (try? Gnuplot().svg([Chart("", x: .init(""), y: .init(""), [])])) != nil
    private static let missing = Gnuplot(executable: "/nowhere/gnuplot")

    private let evil = "<script>alert('&\"')</script>"

    private var chart: Chart {
        var chart = Chart(
            "Loss \(evil)", x: .init("epoch'; system 'touch /tmp/evil", 0...3), y: .init("loss"),
            [
                .init("train\n'", .line, [.init(1, 0.5), .init(2, .nan), .init(3, 0.25)]),
                .init("other", .dots, [.init(1, 2)]),
            ])
        chart.mark = Chart.Mark(2, "best")
        return chart
    }

    private var page: Page {
        Page(
            "Title \(evil)", subtitle: evil, headline: [("0.973", "F1"), ("1", evil)],
            [
                Page.Section(
                    "First",
                    [
                        .text(evil), .list(["a", evil]), .table(Page.Table(evil, ["x", evil], [["1", evil]])),
                        .figures([.init(chart, evil)]),
                        .pictures([.init(jpeg: Data([1, 2, 3]), ["tile.png", evil])]),
                    ]), Page.Section("Second", []),
            ])
    }

    private func expectSound(_ html: String) -> PageReader {
        let reader = PageReader(html)
        #expect(reader.problem == nil)
        #expect(!reader.elements.contains("script"))
        #expect(reader.references.allSatisfy { $0.hasPrefix("data:image/") }, "the page asks for other files")
        return reader
    }

    @Test func textsAreTextsAndNothingIsElsewhere() {
        let reader = expectSound(page.html(Self.missing))
        #expect(reader.text.contains("Title \(evil)") && reader.text.contains("0.973"))
        #expect(reader.elements.count { $0 == "section" } == 2)
        #expect(reader.elements.count { $0 == "img" } == 1)
        #expect(reader.references == ["data:image/jpeg;base64,AQID"])
    }

    @Test func withoutGnuplotChartsAreTables() {
        let reader = expectSound(page.html(Self.missing))
        #expect(
            reader.text.contains("Charts are shown as tables: /nowhere/gnuplot is not installed (Debian: gnuplot-nox)"))
        #expect(reader.elements.count { $0 == "table" } == 2)
        #expect(reader.text.contains("0.25"))
    }

    @Test func aGnuplotThatFailsIsSaidSo() throws {
        let path = NSTemporaryDirectory() + "nuclei-gnuplot-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data("#!/bin/sh\necho broken >&2\nexit 3\n".utf8).write(to: URL(fileURLWithPath: path))
        try FileManager.default.setAttributes([.posixPermissions: 0o755], ofItemAtPath: path)
        let reader = expectSound(page.html(Gnuplot(executable: path)))
        #expect(reader.text.contains("Charts are shown as tables: \(path) ended with status 3: broken"))
    }

    @Test(.enabled(if: hasGnuplot, "gnuplot is not installed")) func chartsAreDrawn() throws {
        try? FileManager.default.removeItem(atPath: "/tmp/evil")
        let reader = expectSound(page.html())
        #expect(reader.references.count == 2 && reader.elements.count { $0 == "table" } == 1)
        let prefix = "data:image/svg+xml;base64,"
        let drawing = try #require(reader.references.first { $0.hasPrefix(prefix) })
        let data = try #require(Data(base64Encoded: String(drawing.dropFirst(prefix.count))))
        let svg = PageReader(String(decoding: data, as: UTF8.self))
        #expect(svg.problem == nil)
        #expect(svg.text.contains(evil) && svg.text.contains("train '") && svg.text.contains("best"))
        #expect(svg.text.contains("epoch'; system 'touch /tmp/evil"), "what looks like a command is a label")
        #expect(!FileManager.default.fileExists(atPath: "/tmp/evil"))
    }

    @Test func pagesAreWrittenWholeOrNotAtAll() {
        let error = #expect(throws: FileError.self) { try page.write(to: "/nowhere/page.html", Self.missing) }
        #expect(error?.kind == .unwritable)
    }
}
