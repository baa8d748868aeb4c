import Glibc
import Synchronization

/// Ctrl-C (SIGINT) and SIGTERM, as a flag to check between steps of work.
package enum Interruption {
    // Signal handlers have access to global state only.
    private static let requested = Atomic<Bool>(false)

    /// Starts watching. The first signal sets `isRequested`; a second one ends the process at once.
    package static func watch() {
        // The parent process may have blocked these signals.
        var signals = sigset_t()
        sigemptyset(&signals)
        for name in [SIGINT, SIGTERM] {
            sigaddset(&signals, name)
            signal(name) { number in
                Interruption.requested.store(true, ordering: .relaxed)
                signal(number, SIG_DFL)
            }
        }
        pthread_sigmask(SIG_UNBLOCK, &signals, nil)
    }

    package static var isRequested: Bool { requested.load(ordering: .relaxed) }

    /// Throws `Interrupted` after a signal.
    package static func check(_ message: @autoclosure () -> String) throws {
        if isRequested { throw Interrupted(message()) }
    }
}
