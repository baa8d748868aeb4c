import FoundationEssentials
import Foundations
import Glibc

/// The content of the lock of a mask: what a process is working on.
package struct MaskLock: Codable, Sendable {
    package let image: String
    package let host: String
    package let process: Int32
    /// Nil outside a job of Slurm.
    package let job: String?

    package init(_ image: FilePath) {
        self.image = image.string
        (host, process) = (UniqueName.host, getpid())
        job = getenv("SLURM_JOB_ID").map { String(cString: $0) }
    }

    /// Parses the text of a lock; nil for another text.
    package init?(_ text: String) {
        guard let lock = try? JSON.decode(Self.self, from: Data(text.utf8)) else { return nil }
        self = lock
    }

    package var text: String { ((try? JSON.text(self)) ?? "") + "\n" }
}
