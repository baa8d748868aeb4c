import Glibc
import SystemPackage

/// Another program, run without a thread of its own, which the `Process` of Foundation needs.
package struct ChildProcess {
    package enum Failure: Error, Equatable {
        /// The reason, in words of the system.
        case cannotStart(String)
        case timeOut
        /// How the program ended cannot be found out. The reason, in words of the system.
        case unknownEnd(String)
    }

    private let path: String
    private let arguments: [String]
    private let environment: [String]

    /// `environment` has entries such as "LC_ALL=C".
    package init(_ path: String, _ arguments: [String], environment: [String]) {
        (self.path, self.arguments, self.environment) = (path, arguments, environment)
    }

    /// Runs the program to its end, with open files as its first streams. Returns its exit status, or 128 and the number
    /// of the signal that ended it. Kills it after `secondsAllowed`.
    package func run(streams: [Int32], secondsAllowed: Double) throws(Failure) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        for (number, file) in streams.enumerated() {
            posix_spawn_file_actions_adddup2(&actions, file, Int32(number))
        }
        var child = pid_t()
        let status = withCStrings([path] + arguments) { arguments in
            withCStrings(environment) { posix_spawn(&child, path, &actions, nil, arguments, $0) }
        }
        guard status == 0 else { throw .cannotStart("\(Errno(rawValue: status))") }
        let start = ContinuousClock.now
        var result: Int32 = 0
        while true {
            let ended = waitpid(child, &result, WNOHANG)
            if ended == child { break }
            // Where SIGCHLD is ignored, the system forgets how a program ended.
            if ended < 0, errno != EINTR { throw .unknownEnd("\(Errno(rawValue: errno))") }
            if start.secondsSince > secondsAllowed {
                kill(child, SIGKILL)
                waitpid(child, &result, 0)
                throw .timeOut
            }
            usleep(5000)
        }
        let signal = result & 0x7F
        return signal == 0 ? result >> 8 & 0xFF : 128 + signal
    }

    private func withCStrings<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let pointers = texts.map { strdup($0) }
        defer { for pointer in pointers { free(pointer) } }
        return body(pointers + [nil])
    }
}
