import ArgumentParser
import Foundation

package let version = "0.1.0"

/// How many threads to use unless told otherwise: every processor that this process may run on.
package var availableThreads: Int { max(1, min(256, ProcessInfo.processInfo.activeProcessorCount)) }

/// Checks that a number of the command line is in a range.
package func require(_ condition: Bool, _ option: String, _ expected: String, found: some Any) throws {
    if !condition { throw ValidationError("\(option): expected \(expected), found \(found)") }
}
