import ArgumentParser
import Console

@main
struct KernelBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernel-bench",
        abstract: "Measures the kernels against what the machine can do.",
        discussion: """
            kernel-bench is short for kernel-bench operations.

            \(ExitStatus.help)
            """,
        version: version,
        subcommands: [Operations.self, Layers.self, Serve.self],
        defaultSubcommand: Operations.self)
}
