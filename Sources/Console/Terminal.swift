import Foundation
import Synchronization

/// The standard output for results, and the standard error for errors and progress: a line that is written over on a
/// terminal, plain lines in a log.
package enum Terminal {
    package static let isInteractive = isatty(STDERR_FILENO) == 1
    private static let progressShown = Mutex(false)
    private static let outputFailed = Atomic<Bool>(false)

    /// Prepares for a parent that has closed our standard files: the next file opened would take their place, and get
    /// our messages. A closed pipe must not end long work either.
    package static func prepare() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", O_RDWR)
        }
        signal(SIGPIPE, SIG_IGN)
    }

    /// A message; nothing can be done when it cannot be written.
    package static func writeError(_ text: String) {
        _ = write(text, to: STDERR_FILENO)
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

    /// A line of result on the standard output. A failure does not stop the work; `hasLostOutput` tells of it.
    package static func printLine(_ text: String = "") {
        endProgress()
        if !write("\(text)\n", to: STDOUT_FILENO) { outputFailed.store(true, ordering: .relaxed) }
    }

    /// Whether a line of result could not be written.
    static var hasLostOutput: Bool { outputFailed.load(ordering: .relaxed) }

    private static func write(_ text: String, to descriptor: Int32) -> Bool {
        var bytes = Array(text.utf8)[...]
        while !bytes.isEmpty {
            let written = bytes.withUnsafeBytes { Foundation.write(descriptor, $0.baseAddress, $0.count) }
            if written < 0 && errno == EINTR { continue }
            // A reader that went away, as `head` does, has what it wanted.
            if written < 0 { return errno == EPIPE }
            bytes = bytes.dropFirst(written)
        }
        return true
    }
}
