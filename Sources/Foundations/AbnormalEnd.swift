import Glibc
import Synchronization
import SystemPackage

/// The end of the process where no error can be thrown: no memory is left, a file in use is cut short, or a library or
/// this program itself traps. One line on standard error tells it, temporary files are removed, and the exit status is
/// 70.
package enum AbnormalEnd {
    private static let exitStatus: Int32 = 70
    private static let signals = [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGTRAP]

    // Signal handlers have access to global state only.
    private static let work = Mutex<Work?>(nil)
    private static let isEnding = Atomic(false)

    /// The file in processing and a note about it, as C strings. Sendable because the strings never change and are
    /// freed only by who replaces the work.
    private struct Work: @unchecked Sendable {
        let file: UnsafeMutablePointer<CChar>
        let note: (path: UnsafeMutablePointer<CChar>, text: UnsafeMutablePointer<CChar>)?
        /// The text of the note where memory was missing.
        let textWithoutMemory: UnsafeMutablePointer<CChar>?
    }

    /// Handles the signals of traps. Does nothing where `SWIFT_BACKTRACE` requests backtraces.
    package static func watch() {
        if getenv("SWIFT_BACKTRACE").map({ String(cString: $0) })?.contains("enable=yes") ?? false { return }
        TemporaryFiles.removeAll()  // Initializes the list.
        _ = AvailableMemory.atStart
        _ = (isEnding.load(ordering: .relaxed), work.withLock { $0 == nil })
        // A stack that has overflowed cannot run the handler.
        var stack = stack_t()
        stack.ss_size = 1 << 16
        stack.ss_sp = malloc(stack.ss_size)
        sigaltstack(&stack, nil)
        var action = sigaction()
        action.__sigaction_handler.sa_handler = { AbnormalEnd.handle($0) }
        action.sa_flags = SA_ONSTACK | Int32(bitPattern: UInt32(SA_NODEFER))
        // The parent process may have blocked them.
        var handled = sigset_t()
        sigemptyset(&handled)
        for signal in signals {
            sigaction(signal, &action, nil)
            sigaddset(&handled, signal)
        }
        pthread_sigmask(SIG_UNBLOCK, &handled, nil)
    }

    /// Names the file that is processed from now on, for the line at the end. With a `note`, an abnormal end also writes
    /// its text to its path, or another text where memory was missing.
    package static func begin(
        _ file: FilePath, note: (path: FilePath, text: String, textWithoutMemory: String)? = nil
    ) {
        end()
        let new = Work(
            file: strdup(file.string.escapingControls),
            note: note.map { ($0.path.withPlatformString { strdup($0) }, strdup($0.text)) },
            textWithoutMemory: note.map { strdup($0.textWithoutMemory) })
        work.withLock { $0 = new }
    }

    /// Ends what `begin` began.
    package static func end() {
        work.withLock { work in
            free(work?.file)
            free(work?.note?.path)
            free(work?.note?.text)
            free(work?.textWithoutMemory)
            work = nil
        }
    }

    /// Ends the process because the system refuses memory. `purpose` is a noun: "pixels".
    package static func outOfMemory(for purpose: String, bytes: Int) -> Never {
        let wanted = (bytes + 999_999) / 1_000_000
        let free = AvailableMemory.bytes().map { "\($0 / 1_000_000) MB" } ?? "less"
        var line = "expected \(wanted) MB of memory for \(purpose), found \(free)\n"
        line.withUTF8 { finish($0.baseAddress!, $0.count, lacksMemory: true) }
    }

    private static func handle(_ number: Int32) {
        let lacksMemory = errno == ENOMEM
        let line: StaticString =
            switch number {
            // Swift and GLib trap where there is no memory.
            case _ where lacksMemory: "expected enough memory, found none left\n"
            case SIGBUS: "expected files in use to keep their size, found one that was cut short (SIGBUS)\n"
            case SIGABRT: "expected to finish, found an abnormal end (SIGABRT)\n"
            case SIGFPE: "expected to finish, found an abnormal end (SIGFPE)\n"
            case SIGILL: "expected to finish, found an abnormal end (SIGILL)\n"
            case SIGSEGV: "expected to finish, found an abnormal end (SIGSEGV)\n"
            default: "expected to finish, found an abnormal end (SIGTRAP)\n"
            }
        finish(line.utf8Start, line.utf8CodeUnitCount, lacksMemory: lacksMemory)
    }

    /// Calls only functions that are safe in a signal handler.
    private static func finish(_ line: UnsafePointer<UInt8>, _ count: Int, lacksMemory: Bool) -> Never {
        // Another thread may trap, or this one again, while the process is ending.
        if isEnding.exchange(true, ordering: .acquiringAndReleasing) { while true { pause() } }
        if isatty(STDERR_FILENO) == 1 { write("\r\u{1B}[K") }
        write("error: ")
        let work = work.withLockIfAvailable { $0 } ?? nil
        if let work {
            _ = Glibc.write(STDERR_FILENO, work.file, strlen(work.file))
            write(": ")
        }
        _ = Glibc.write(STDERR_FILENO, line, count)
        TemporaryFiles.removeAll()
        if let work, let note = work.note {
            let text = lacksMemory ? work.textWithoutMemory ?? note.text : note.text
            let file = open(note.path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0o644)
            _ = Glibc.write(file, text, strlen(text))
            fsync(file)
            close(file)
        }
        _exit(exitStatus)
    }

    private static func write(_ text: StaticString) {
        _ = Glibc.write(STDERR_FILENO, text.utf8Start, text.utf8CodeUnitCount)
    }
}
