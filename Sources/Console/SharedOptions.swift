import ArgumentParser
import Foundations

package let version = "0.1.0"

/// The `--threads` option of every command that computes.
package struct ThreadOptions: ParsableArguments {
    @Option(
        name: .shortAndLong,
        help: """
            Threads (default: OMP_NUM_THREADS, else SLURM_CPUS_PER_TASK, else the processors that this process may use). \
            Results do not depend on it.
            """)
    private var threads: Int?

    package init() {}

    /// The number given, or else the usual one of this process.
    package var count: Int { threads ?? ThreadCount.usual.count }

    /// The number and its origin, for people.
    package var description: String {
        "\(count.counted("thread")) (from \(threads == nil ? ThreadCount.usual.source : "--threads"))"
    }

    package func validate() throws {
        try Self.require(threads ?? 1)
    }

    /// Throws where a number of threads is out of range.
    package static func require(_ count: Int) throws {
        try Console.require(
            1...ThreadCount.largest ~= count, "--threads", "1 to \(ThreadCount.largest)", found: count)
    }
}

/// The `--batch-size` option of commands that run a network.
package struct BatchOptions: ParsableArguments {
    @Option(
        name: .customLong("batch-size"),
        help: "Tiles, or windows of a mask, computed at once (default: 32). Masks of nuclei have no windows.")
    private var given: Int?

    package var size: Int { given ?? 32 }
    package var isGiven: Bool { given != nil }

    package init() {}

    package func validate() throws {
        try require(1...512 ~= size, "--batch-size", "1 to 512", found: size)
    }
}

/// Throws a `ValidationError` about a number of the command line unless `condition` holds.
package func require(_ condition: Bool, _ option: String, _ expected: String, found: some Any) throws {
    if !condition { throw ValidationError("\(option): expected \(expected), found \(found)") }
}
