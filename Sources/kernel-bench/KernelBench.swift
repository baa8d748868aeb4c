import ArgumentParser
import Console

@main
struct KernelBench: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "kernel-bench",
        abstract: "Measure kernels relative to the limits of the machine.",
        discussion: """
            Without a subcommand, kernel-bench is kernel-bench operations.

            \(ExitStatus.help)
            """,
        version: version,
        subcommands: [Operations.self, Layers.self, Serve.self],
        defaultSubcommand: Operations.self)

    static func main() { runProgram() }
}
