import Foundations
import Glibc
import Synchronization

/// Ctrl-C (SIGINT) and SIGTERM. The first signal is acknowledged and stops the work after its current step; a second one
/// ends the process at once.
package enum Interruption {
    // Signal handlers have access to global state only.
    private static let requested = Atomic<Bool>(false)
    private static let endsAtOnce = Atomic<Bool>(false)

    /// Starts watching.
    package static func watch() {
        // The parent process may have blocked these signals.
        var signals = sigset_t()
        sigemptyset(&signals)
        _ = (isRequested, endsAtOnce.load(ordering: .relaxed), Terminal.isInteractive)
        for name in [SIGINT, SIGTERM] {
            sigaddset(&signals, name)
            signal(name) { Interruption.handle($0) }
        }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    package static var isRequested: Bool { requested.load(ordering: .relaxed) }

    /// Throws `Interrupted` after a signal.
    package static func check(_ message: @autoclosure () -> String) throws {
        if isRequested { throw Interrupted(message()) }
    }

    /// Calls `body`, which reads input and changes no file: during it, the first signal ends the process.
    package static func endingAtOnce<Value>(_ body: () throws -> Value) throws -> Value {
        endsAtOnce.store(true, ordering: .relaxed)
        defer { endsAtOnce.store(false, ordering: .relaxed) }
        try check("interrupted")
        return try body()
    }

    /// The signal handler. It calls nothing that is unsafe in one.
    private static func handle(_ number: Int32) {
        for name in [SIGINT, SIGTERM] { signal(name, SIG_DFL) }
        requested.store(true, ordering: .relaxed)
        // Also clears the "^C" of the terminal.
        if Terminal.isInteractive { write(Terminal.clearLine) }
        if endsAtOnce.load(ordering: .relaxed) {
            write("interrupted while reading input\n")
            TemporaryFiles.removeAll()
            _exit(ExitStatus.interruptedStatus)
        }
        write(
            number == SIGINT
                ? "stopping after the current step; press Ctrl-C again to stop at once\n"
                : "stopping after the current step\n")
    }

    private static func write(_ text: StaticString) {
        _ = Glibc.write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    }
}
