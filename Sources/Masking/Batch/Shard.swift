import Foundations

/// A part of a list of images, so that the tasks of a job array share it: every n-th line, beginning with a line of its
/// own.
package struct Shard: Equatable, Sendable, CustomStringConvertible {
    /// From 1 to `count`.
    package let number: Int
    package let count: Int

    /// Nil unless 1 <= number <= count.
    package init?(number: Int, count: Int) {
        guard count >= 1, 1...count ~= number else { return nil }
        (self.number, self.count) = (number, count)
    }

    /// Parses "2/10".
    package init?(_ text: String) {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
        guard parts.count == 2, let number = parts[0], let count = parts[1] else { return nil }
        self.init(number: number, count: count)
    }

    /// The shard of a task of a Slurm job array, whose ids may begin with any number and have a step. Nil outside an array.
    package init?(slurm environment: [String: String]) {
        func number(_ name: String) -> Int? { environment["SLURM_ARRAY_TASK_\(name)"].flatMap { Int($0) } }
        guard let id = number("ID"), let count = number("COUNT") else { return nil }
        let (first, step) = (number("MIN") ?? 1, max(1, number("STEP") ?? 1))
        let (offset, overflows) = id.subtractingReportingOverflow(first)
        guard !overflows, offset.isMultiple(of: step), 0..<max(0, count) ~= offset / step else { return nil }
        self.init(number: offset / step + 1, count: count)
    }

    package var description: String { "\(number)/\(count)" }

    /// Whether the element at an index from 0 is of this shard.
    package func contains(_ index: Int) -> Bool { index % count == number - 1 }
}
