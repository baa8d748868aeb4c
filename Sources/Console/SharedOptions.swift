import ArgumentParser
import Foundation

package let version = "0.1.0"

/// The option that every command which computes has.
package struct ThreadOptions: ParsableArguments {
    @Option(help: "Threads (default: all processors). Results do not depend on it.")
    private var threads: Int?

    package init() {}

    /// What was asked for, else every processor that this process may run on.
    package var count: Int { threads ?? max(1, min(256, ProcessInfo.processInfo.activeProcessorCount)) }

    package func validate() throws {
        try require(1...256 ~= threads ?? 1, "--threads", "1 to 256", found: threads ?? 0)
    }
}

/// The options of commands that run a network.
package struct BatchOptions: ParsableArguments {
    @Option(name: .customLong("batch-size"), help: "Tiles or windows computed at once.")
    package var size = 32

    package init() {}

    package func validate() throws {
        try require(1...512 ~= size, "--batch-size", "1 to 512", found: size)
    }
}

/// Checks that a number of the command line is in a range.
package func require(_ condition: Bool, _ option: String, _ expected: String, found: some Any) throws {
    if !condition { throw ValidationError("\(option): expected \(expected), found \(found)") }
}
