import Foundation
import Foundations

/// Draws charts as SVG with gnuplot.
package struct Gnuplot: Sendable {
    /// A path, or a name to look up in `PATH`.
    package var executable: String
    package var secondsAllowed: Double

    package init(executable: String = "gnuplot", secondsAllowed: Double = 60) {
        self.executable = executable
        self.secondsAllowed = secondsAllowed
    }

    /// The reason why charts were not drawn.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// Path of the executable. Throws `Failure` when gnuplot is missing.
    @discardableResult package func installedPath() throws(Failure) -> String {
        guard let path = Self.find(executable) else {
            throw Failure(description: "\(executable) is not installed (Debian: gnuplot-nox)")
        }
        return path
    }

    /// Draws all charts in one process. Returns an `svg` element for each, with identifiers that are unique among them.
    /// Throws `Failure` when gnuplot is missing or fails.
    package func svg(_ charts: [Chart]) throws(Failure) -> [String] {
        if charts.isEmpty { return [] }
        let path = try installedPath()
        let script = charts.map { $0.script() }.joined(separator: "reset session\n")
        let output: String
        do {
            output = try run(path, script)
        } catch let failure as Failure {
            throw failure
        } catch {
            throw Failure(description: "\(path) cannot be run: \(error.localizedDescription)")
        }
        let drawings = Self.drawings(output)
        guard drawings.count == charts.count else {
            throw Failure(description: "\(path) made \(drawings.count) of \(charts.count) drawings")
        }
        return drawings
    }

    /// Runs gnuplot with unnamed files as its streams. Unlike pipes, files never block and never break.
    private func run(_ path: String, _ script: String) throws -> String {
        let (input, output, messages) = (try Self.anonymousFile(), try Self.anonymousFile(), try Self.anonymousFile())
        try input.write(contentsOf: Data(script.utf8))
        try input.seek(toOffset: 0)
        // Charts do not depend on the user's locale and gnuplot settings. Installations outside of the system need their
        // libraries.
        let libraries = ProcessInfo.processInfo.environment["LD_LIBRARY_PATH"].map { ["LD_LIBRARY_PATH=\($0)"] } ?? []
        let child = ChildProcess(
            path, ["--default-settings"], environment: ["LC_ALL=C", "PATH=/usr/bin:/bin"] + libraries)
        let status: Int32
        do {
            status = try child.run(
                streams: [input, output, messages].map(\.fileDescriptor), secondsAllowed: secondsAllowed)
        } catch {
            switch error {
            case .timeOut: throw Failure(description: "\(path) was not done after \(Int(secondsAllowed)) s")
            case .cannotStart(let reason), .unknownEnd(let reason):
                throw Failure(description: "\(path) cannot be run: \(reason)")
            }
        }
        guard status == 0 else {
            let lines = try Self.text(of: messages).split(separator: "\n")
            let last = lines.last { !$0.allSatisfy(\.isWhitespace) } ?? "no message"
            throw Failure(description: "\(path) ended with status \(status): \(last)")
        }
        return try Self.text(of: output)
    }

    private static func anonymousFile() throws -> FileHandle {
        var template = Array((NSTemporaryDirectory() + "nuclei-chart-XXXXXX").utf8CString)
        let descriptor = mkstemp(&template)
        guard descriptor >= 0 else { throw Failure(description: "no temporary file can be made") }
        _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        unlink(template)
        return FileHandle(fileDescriptor: descriptor, closeOnDealloc: true)
    }

    private static func text(of file: FileHandle) throws -> String {
        try file.seek(toOffset: 0)
        return String(decoding: try file.readToEnd() ?? Data(), as: UTF8.self)
    }

    private static func find(_ executable: String) -> String? {
        let isPath = executable.contains("/")
        let folders = isPath ? [] : (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
        let candidates = isPath ? [executable] : folders.map { "\($0)/\(executable)" }
        return candidates.first { FileManager.default.isExecutableFile(atPath: $0) }
    }

    /// The complete documents in the output of gnuplot, without prologs, titles (browsers show them as tooltips) and
    /// descriptions, and with unique identifiers.
    static func drawings(_ output: String) -> [String] {
        output.components(separatedBy: "<?xml").dropFirst().enumerated().compactMap { index, document in
            guard let start = document.range(of: "<svg"), let end = document.range(of: "</svg>", options: .backwards)
            else { return nil }
            return inlined(document[start.lowerBound..<end.upperBound], prefix: "chart\(index + 1)-")
        }
    }

    private static func inlined(_ document: Substring, prefix: String) -> String {
        var result = ""
        var isInTitle = false
        for piece in document.split(separator: "<", omittingEmptySubsequences: true) {
            let end = piece.firstIndex(of: ">") ?? piece.endIndex
            let tag = piece[..<end]
            if tag == "title" || tag == "desc" { isInTitle = true }
            if !isInTitle {
                // gnuplot does not escape this character in text, where XML does not always allow it.
                let text = piece[end...].dropFirst().replacingOccurrences(of: ">", with: "&gt;")
                result += "<\(renamed(tag, prefix))>\(text.allSatisfy(\.isWhitespace) ? "" : text)"
            }
            if tag == "/title" || tag == "/desc" { isInTitle = false }
        }
        return result
    }

    private static func renamed(_ tag: Substring, _ prefix: String) -> String {
        var tag = String(tag)
        for opening in ["id='", "id=\"", "href='#", "url(#"] where tag.contains(opening) {
            tag = tag.replacingOccurrences(of: opening, with: opening + prefix)
        }
        return tag
    }
}
