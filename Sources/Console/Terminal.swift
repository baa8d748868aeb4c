import Foundations
import Glibc
import Synchronization

/// Standard output for results; standard error for errors and progress, which is one overwritten line on a terminal and
/// plain lines in a log.
package enum Terminal {
    package static let isInteractive = isatty(STDERR_FILENO) == 1
    private static let progressShown = Mutex(false)
    private static let outputFailed = Atomic<Bool>(false)

    /// Opens standard files that the parent process has closed: otherwise the next file to be opened would take their
    /// number and receive messages. Ignores SIGPIPE and SIGXFSZ, so that a closed pipe does not end long work, and a limit
    /// of file sizes is an error. Makes an abnormal end print a line.
    package static func prepare() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", O_RDWR)
        }
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        AbnormalEnd.watch()
    }

    /// Writes a message to standard error. A failure is ignored.
    package static func writeError(_ text: String) {
        _ = write(text, to: .standardError)
    }

    /// Replaces the progress line. Only for terminals.
    static func showProgress(_ text: String) {
        progressShown.withLock { $0 = true }
        writeError("\r\u{1B}[K\(text)")
    }

    /// Clears the progress line, so that ordinary lines can follow.
    package static func endProgress() {
        let shown = progressShown.withLock { shown in
            defer { shown = false }
            return shown
        }
        if shown { writeError("\r\u{1B}[K") }
    }

    /// Prints a line of results on standard output. A failure sets `hasLostOutput`, and work continues.
    package static func printLine(_ text: String = "") {
        endProgress()
        if !write("\(text)\n", to: .standardOutput) { outputFailed.store(true, ordering: .relaxed) }
    }

    /// Whether a line of results could not be written.
    static var hasLostOutput: Bool { outputFailed.load(ordering: .relaxed) }

    private static func write(_ text: String, to descriptor: FileDescriptor) -> Bool {
        do {
            try descriptor.writeAll(text.utf8)
            return true
        } catch {
            // A reader that closes the pipe early, such as `head`, has read enough.
            return error as? Errno == .brokenPipe
        }
    }
}
