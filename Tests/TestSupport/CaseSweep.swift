/// Failures of a sweep, with the first five in the description.
package struct SweepFailure: Error, CustomStringConvertible {
    package let failures: [String]
    package let cases: Int

    package var description: String {
        let shown = failures.prefix(5).joined(separator: "\n")
        let rest = failures.count > 5 ? "\n... and \(failures.count - 5) more" : ""
        return "\(failures.count) of \(cases) cases failed:\n\(shown)\(rest)"
    }
}

/// Calls `body` for each case with a different seed. After the last case, throws a `SweepFailure` that lists the failed
/// cases and their seeds.
///
/// Traps without cases, because such a test cannot fail.
package func sweep<Case>(_ cases: [Case], seed: UInt64 = 1, _ body: (Case, UInt64) throws -> Void) throws {
    precondition(!cases.isEmpty, "a sweep over no cases")
    var failures: [String] = []
    for (index, item) in cases.enumerated() {
        let caseSeed = seed &* 1_000_003 &+ UInt64(index)
        do {
            try body(item, caseSeed)
        } catch {
            failures.append("case \(item), seed \(caseSeed): \(error)")
        }
    }
    if !failures.isEmpty { throw SweepFailure(failures: failures, cases: cases.count) }
}
