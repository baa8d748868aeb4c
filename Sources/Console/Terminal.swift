import Foundation
import Synchronization

/// The standard error: a line that is written over on a terminal, plain lines in a log.
package enum Terminal {
    package static let isInteractive = isatty(STDERR_FILENO) == 1
    private static let progressShown = Mutex(false)

    package static func writeError(_ text: String) {
        FileHandle.standardError.write(Data(text.utf8))
    }

    /// Puts a text in place of the progress line. Only for terminals.
    static func showProgress(_ text: String) {
        progressShown.withLock { $0 = true }
        writeError("\r\u{1B}[K\(text)")
    }

    /// Takes the progress line away, so that ordinary lines can follow.
    package static func endProgress() {
        let shown = progressShown.withLock { shown in
            defer { shown = false }
            return shown
        }
        if shown { writeError("\r\u{1B}[K") }
    }

    /// A line of result on the standard output.
    package static func printLine(_ text: String = "") {
        endProgress()
        FileHandle.standardOutput.write(Data("\(text)\n".utf8))
    }
}
