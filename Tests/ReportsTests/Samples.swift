import Charts
import Datasets
import Foundation
import Foundations
import Reports
import SyntheticTissue
import TestSupport

/// Texts that would be markup, gnuplot commands or invalid XML without escaping.
let hostileTexts = [
    "<script>alert('&\"')</script>", "\"\u{301} onload=\u{22}alert(1)", "<\u{338}script>", "a]]>b", "`touch marker`",
    "'; system 'touch marker'; '", "two\nlines\r\nEND_OF_DATA\n", "{{title}} {{{style}}}",
    "null \u{0} escape \u{1B} end \u{FFFE}",
    "\u{202E}gnp.elit", "x_{1}^2 @sqrt", String(repeating: "long ", count: 60),
]

let missing = Gnuplot(executable: "/nowhere/gnuplot")
let hasGnuplot = OutsideTool("gnuplot") != nil

let jpeg = Data([0xFF, 0xD8, 0xFF, 0xE0])
let png = Data([0x89, 0x50, 0x4E, 0x47, 0x0D])

let temporaryFolder = FilePath(NSTemporaryDirectory())

/// A small synthetic data set, written and read once for all tests.
enum SyntheticTiles {
    static let set: Result<TileSet, any Error> = Result {
        let path = NSTemporaryDirectory() + "nuclei-reports-\(UUID().uuidString)"
        defer { try? FileManager.default.removeItem(atPath: path) }
        try SyntheticDataset(tiles: 40, unlabeled: 4, crops: 0, cropSize: 256, seed: 1)
            .write(to: FilePath(path), threads: 2) { _ in }
        return try TileSet(path: FilePath(path), threads: 2)
    }
}

/// Finds the chart with a title among the figures of a page.
func chart(_ title: String, on page: Page) -> Chart? {
    let figures = page.sections.flatMap(\.blocks).flatMap { block -> [Page.Figure] in
        if case .figures(let figures) = block { figures } else { [] }
    }
    return figures.map(\.chart).first { $0.title == title }
}

/// Finds the table whose caption starts with a text.
func table(_ caption: String, on page: Page) -> Page.Table? {
    let tables = page.sections.flatMap(\.blocks).flatMap { block -> [Page.Table] in
        if case .tables(let tables) = block { tables } else { [] }
    }
    return tables.first { $0.caption.hasPrefix(caption) }
}

/// Makes an executable shell script. Another process writes it, because processes that parallel tests start would inherit
/// a descriptor open for writing, and a program that is open for writing cannot be executed.
func makeProgram(_ path: String, _ script: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod +x \"$1\"", "sh", path, script]
    try process.run()
    process.waitUntilExit()
}
