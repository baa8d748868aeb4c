import FoundationEssentials

/// How and where a program ran, for records.
package struct Execution: Codable, Equatable, Sendable {
    /// The ids of a job of Slurm, as its variables state them.
    package struct Slurm: Codable, Equatable, Sendable {
        /// SLURM_JOB_ID.
        package let job: String
        /// SLURM_ARRAY_JOB_ID and SLURM_ARRAY_TASK_ID; nil outside an array.
        package let arrayJob: String?
        package let arrayTask: String?
        /// SLURM_RESTART_COUNT: how often the job was requeued; nil if it was not.
        package let restarts: String?
    }

    package let host: String
    package let threads: Int
    /// The instruction set of the kernels.
    package let instructions: String
    /// Nil outside a job.
    package let slurm: Slurm?

    package init(
        threads: Int, instructions: String,
        environment: [String: String] = ProcessInfo.processInfo.environment
    ) {
        (host, self.threads, self.instructions) = (UniqueName.host, threads, instructions)
        slurm = environment["SLURM_JOB_ID"].map {
            Slurm(
                job: $0, arrayJob: environment["SLURM_ARRAY_JOB_ID"], arrayTask: environment["SLURM_ARRAY_TASK_ID"],
                restarts: environment["SLURM_RESTART_COUNT"])
        }
    }
}
