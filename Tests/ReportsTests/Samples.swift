import Foundation
import Reports

/// Texts that would be markup, commands of gnuplot, or no XML, if they were taken as they are.
let hostileTexts = [
    "<script>alert('&\"')</script>", "\"\u{301} onload=\u{22}alert(1)", "<\u{338}script>", "a]]>b", "`touch marker`",
    "'; system 'touch marker'; '", "two\nlines\r\nEND_OF_DATA\n", "{{title}} {{{style}}}",
    "null \u{0} escape \u{1B} end \u{FFFE}",
    "\u{202E}gnp.elit", "x_{1}^2 @sqrt", String(repeating: "long ", count: 60),
]

let missing = Gnuplot(executable: "/nowhere/gnuplot")
let hasGnuplot = (try? Gnuplot().svg([Chart("", x: .init("x"), y: .init("y"), [])])) != nil

let jpeg = Data([0xFF, 0xD8, 0xFF, 0xE0])
let png = Data([0x89, 0x50, 0x4E, 0x47, 0x0D])

func epochs(_ count: Int, isWatched: Bool = true) -> [RunReport.Epoch] {
    (0..<count).map { index in
        RunReport.Epoch(
            number: index + 1, trainLoss: 0.75 / Double(index + 1), trainAccuracy: 0.5,
            watchedLoss: isWatched ? 0.8125 : nil, watchedAccuracy: isWatched ? 0.4375 : nil,
            watchedF1: isWatched ? 0.40625 : nil, learningRate: 1e-3)
    }
}

/// Makes a shell script that can be run. Another process writes it: a file that this one has open for writing would be
/// open in whatever a test beside this one starts, and a program that is open for writing can't be run.
func makeProgram(_ path: String, _ script: String) throws {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/bin/sh")
    process.arguments = ["-c", "printf '#!/bin/sh\\n%s\\n' \"$2\" > \"$1\" && chmod +x \"$1\"", "sh", path, script]
    try process.run()
    process.waitUntilExit()
}
