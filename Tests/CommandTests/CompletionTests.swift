import Foundation
import Testing

/// Completion scripts, with and without the name of the default subcommand.
struct CompletionTests {
    private let work: WorkFolder

    init() throws { work = try WorkFolder() }

    /// Words that bash offers for the last of some words.
    private func completions(_ command: Command, _ words: String...) throws -> [String] {
        let name = command.rawValue
        let script = """
            PATH="$1:$PATH"; source <("$2" --generate-completion-script bash)
            COMP_WORDS=("${@:3}"); COMP_CWORD=$(($# - 3)); COMP_LINE="${*:3}"; COMP_POINT=${#COMP_LINE}
            _\(name) \(name) "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
            printf '%s\\n' "${COMPREPLY[@]}"
            """
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        let folder = URL(fileURLWithPath: command.path).deletingLastPathComponent().path
        process.arguments = ["-c", script, "bash", folder, command.path, name] + words
        process.currentDirectoryURL = URL(fileURLWithPath: work.path)
        let result = try Command.Running(process).wait()
        #expect(result.errors.isEmpty, "\(result)")
        return result.output.split(separator: "\n").map(String.init)
    }

    @Test(.enabled(if: FileManager.default.isExecutableFile(atPath: "/bin/bash")))
    func bothFormsOfACommandAreCompleted() throws {
        try work.write("", to: "slide.svs")
        #expect(try completions(.mask, "pl") == ["plan"])
        #expect(try completions(.mask, "").contains("overlay") && completions(.mask, "").contains("slide.svs"))
        for words in [["slide.svs"], ["mask", "slide.svs"]] {
            #expect(try completions(.mask, words[0], words.last!, "--edges", "") == ["clamp", "none"])
        }
        #expect(try completions(.mask, "slide.svs", "--out") == ["--output", "--output-folder"])
        #expect(try completions(.mask, "overlay", "--si") == ["--size"])
        #expect(try completions(.mask, "sl") == ["slide.svs"] && completions(.mask, "--str") == ["--stride"])
        #expect(
            try Set(completions(.train, "tiles", "--architecture", "")) == [
                "lenet5", "compact", "resnet18", "unet", "unet-wide",
            ])
        #expect(try completions(.train, "eval") == ["evaluate"])
        #expect(try completions(.bench, "--qu") == ["--quick"])
    }

    @Test func everyShellHasAScript() throws {
        for command in [Command.mask, .train, .bench] {
            for (shell, mark) in [("bash", "complete -o filenames -F"), ("zsh", "#compdef"), ("fish", "complete -c")] {
                let result = try command.run("--generate-completion-script", shell, in: work.path)
                #expect(result.status == 0 && result.errors.isEmpty && result.output.contains(mark))
                #expect(
                    result.output.contains("help) ;;\n") == (shell == "zsh"), "the default subcommand of \(command)")
            }
        }
        #expect(try Command.mask.run("--generate-completion-script", "csh", in: work.path).status != 0)
    }
}
