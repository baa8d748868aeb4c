import Foundation
import Synchronization

/// Ctrl-C (SIGINT) and SIGTERM as a question to ask between two steps of work.
package enum Interruption {
    // A signal handler can reach nothing but a global.
    private static let requested = Atomic<Bool>(false)

    /// From now on the first signal only makes `isRequested` true; a second one ends the process at once.
    package static func watch() {
        // A parent may have started us with these signals blocked; then they would never come.
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

    /// Throws `Interrupted` when a signal has come.
    package static func check(_ message: @autoclosure () -> String) throws {
        if isRequested { throw Interrupted(message()) }
    }
}
