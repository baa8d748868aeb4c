import ArgumentParser
import Foundations
import Glibc

extension ParsableCommand {
    /// Runs the program: `main()` with a suggestion for mistyped subcommands, and with control characters in messages
    /// about the command line escaped.
    package static func runProgram() -> Never {
        Terminal.prepare()
        ThreadCount.prepare()
        do {
            try requireSubcommandOrFile(CommandLine.arguments.dropFirst().first)
            var command = try parseAsRoot()
            try command.run()
            Glibc.exit(0)
        } catch {
            let status = exitCode(for: error)
            // Help, the version and completion scripts go to standard output.
            if status == .success { exit(withError: error) }
            let message = fullMessage(for: error)
            if !message.isEmpty { message.split(separator: "\n").forEach { Terminal.writeErrorLine(String($0)) } }
            Glibc.exit(status.rawValue)
        }
    }

    /// Throws a `ValidationError` for a first argument that is neither a subcommand nor a file, but nearly a subcommand.
    private static func requireSubcommandOrFile(_ argument: String?) throws {
        let names = configuration.subcommands.map { $0._commandName } + ["help"]
        guard let argument, argument.first?.isLetter ?? false, !names.contains(argument),
            argument.allSatisfy({ $0.isLetter || $0 == "-" }), !FilePath(argument).exists,
            let name = nearestName(to: argument, among: names)
        else { return }
        throw ValidationError(
            "expected a subcommand or an existing file, found \(argument); did you mean \(_commandName) \(name)?")
    }
}
