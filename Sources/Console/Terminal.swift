import FoundationEssentials
import Foundations
import Glibc
import Synchronization

/// Standard output for results; standard error for everything else: errors, warnings, notes, and progress, which is one
/// overwritten line on a terminal and plain lines in a log.
///
/// Functions that take a line escape control characters in it, so names can be printed as they are.
package enum Terminal {
    /// Selection of what is printed, from the options of a command.
    package struct Selection: Sendable {
        package enum Results: Sendable {
            case onOutput, onErrors, nowhere
        }

        /// Where lines of results go. `--json` leaves standard output to the document.
        package var results = Results.onOutput
        package var showsNotes = true
        package var showsDetails = false
    }

    private static let selection = Mutex(Selection())
    private static let progressShown = Mutex(false)
    private static let outputFailed = Atomic<Bool>(false)

    /// Whether standard error is a terminal on which a line can be overwritten.
    package static let isInteractive = isatty(STDERR_FILENO) == 1 && !["", "dumb"].contains(environment("TERM") ?? "")

    /// Width of the terminal, which can change at any time; 80 if it is not known.
    package static var columns: Int {
        var size = winsize()
        if ioctl(STDERR_FILENO, UInt(TIOCGWINSZ), &size) == 0, size.ws_col > 0 { return Int(size.ws_col) }
        return environment("COLUMNS").flatMap { Int($0) }.flatMap { $0 > 0 ? $0 : nil } ?? 80
    }

    /// The value of an environment variable; nil if it is not set.
    package static func environment(_ name: String) -> String? { ProcessInfo.processInfo.environment[name] }

    /// Opens standard files that the parent process has closed: otherwise the next file to be opened would take their
    /// number and receive messages. Ignores SIGPIPE and SIGXFSZ, so that a closed pipe does not end long work, and a limit
    /// of file sizes is an error. Makes an abnormal end print a line, and file systems without locks a warning.
    package static func prepare() {
        for descriptor in [STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO] where fcntl(descriptor, F_GETFD) < 0 {
            _ = open("/dev/null", O_RDWR)
        }
        signal(SIGPIPE, SIG_IGN)
        signal(SIGXFSZ, SIG_IGN)
        AbnormalEnd.watch()
        FileLock.warning.withLock { $0 = { warn($0) } }
    }

    package static func select(_ selection: Selection) { Self.selection.withLock { $0 = selection } }

    private static var selected: Selection { selection.withLock { $0 } }
}

// Lines of text.
extension Terminal {
    /// Prints a line of results.
    package static func printLine(_ text: String = "") {
        switch selected.results {
        case .onOutput:
            endProgress()
            writeOutput("\(text.escapingControls)\n")
        case .onErrors: writeErrorLine(text)
        case .nowhere: break
        }
    }

    /// Prints lines of results, such as a table.
    package static func printLines(_ text: String) {
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) { printLine(String(line)) }
    }

    /// Prints a value as JSON on standard output, whatever is selected.
    package static func printJSON(_ value: some Encodable, pretty: Bool = true) throws {
        endProgress()
        writeOutput("\(try JSON.text(value, pretty: pretty))\n")
    }

    /// Prints a remark on standard error.
    package static func note(_ text: String) { if selected.showsNotes { writeErrorLine(text) } }

    /// Prints a remark on standard error that only `--verbose` shows.
    package static func detail(_ text: @autoclosure () -> String) {
        if selected.showsDetails { writeErrorLine(text()) }
    }

    /// Prints a warning on standard error.
    package static func warn(_ text: String) { writeErrorLine("warning: \(text)") }

    /// Prints a line on standard error. A failure is ignored.
    package static func writeErrorLine(_ text: String) {
        endProgress()
        _ = write("\(text.escapingControls)\n", to: .standardError)
    }

    /// Whether a line of results could not be written.
    static var hasLostOutput: Bool { outputFailed.load(ordering: .relaxed) }

    /// A failure sets `hasLostOutput`, and work continues.
    private static func writeOutput(_ text: String) {
        if !write(text, to: .standardOutput) { outputFailed.store(true, ordering: .relaxed) }
    }

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

// The progress line.
extension Terminal {
    /// Clears the line of the cursor and, where a narrowed terminal has broken it, what follows.
    static let clearLine: StaticString = "\r\u{1B}[J"

    static var showsProgress: Bool { selected.showsNotes }

    /// Shows what is being done, until the next line or progress. Only on terminals.
    package static func showStatus(_ text: String) {
        if isInteractive, showsProgress { showProgress(text.escapingControls.shortened(to: columns - 1)) }
    }

    /// Replaces the progress line. Only for terminals.
    static func showProgress(_ text: String) {
        progressShown.withLock { $0 = true }
        _ = write("\(clearLine)\(text)", to: .standardError)
    }

    /// Clears the progress line, so that ordinary lines can follow.
    package static func endProgress() {
        let shown = progressShown.withLock { shown in
            defer { shown = false }
            return shown
        }
        if shown { _ = write("\(clearLine)", to: .standardError) }
    }
}
