import ArgumentParser

extension ParsableCommand {
    /// The completion script for the shell that `--generate-completion-script` names or, without a name, the user's; nil
    /// where the arguments do not ask for one.
    static func requestedCompletionScript(_ arguments: [String]) -> String? {
        let option = "--generate-completion-script"
        guard let first = arguments.first, first == option || first.hasPrefix("\(option)=") else { return nil }
        let name = first == option ? arguments.dropFirst().first : String(first.dropFirst(option.count + 1))
        let shell = name.map { CompletionShell(rawValue: $0) } ?? CompletionShell.autodetected()
        return shell.flatMap(completionScriptWithDefault)
    }

    /// ArgumentParser's script, changed so that words after the program's name that are no subcommand are completed as
    /// those of the default subcommand, and the first word also as a subcommand.
    package static func completionScriptWithDefault(for shell: CompletionShell) -> String? {
        let script = completionScript(for: shell)
        guard let subcommand = configuration.defaultSubcommand?._commandName else { return script }
        let (program, names) = (_commandName, configuration.subcommands.map { $0._commandName } + ["help"])
        let start = "\n_\(program)() {\n"
        let renamed = "\n_\(program)_words() {\n"
        switch shell {
        case .bash:
            return script.replacing(start, with: bash(program, subcommand, names) + renamed)
        case .zsh:
            return script.replacing(start, with: zsh(program, subcommand, names) + renamed)
        case .fish:
            let tokens = "    set -l unparsed_tokens (__\(program)_tokens -pc)\n"
            return script.replacing(tokens, with: tokens + fish(subcommand, names)) + """

                complete -c '\(program)' -n '__\(program)_should_offer_completions_for_positional "\(program)" -eq 1' -F

                """
        default: return script
        }
    }

    private static func bash(_ program: String, _ subcommand: String, _ names: [String]) -> String {
        """

        _\(program)() {
            case "${COMP_WORDS[1]}" in
            \(names.joined(separator: "|")))
                _\(program)_words "${@}"
                return
                ;;
            esac
            if ((COMP_CWORD == 1)); then _\(program)_words "${@}"; fi
            local -a given=("${COMP_WORDS[@]}")
            local -a COMP_WORDS=("${given[0]}" \(subcommand) "${given[@]:1}")
            local -i COMP_CWORD=$((COMP_CWORD + 1))
            _\(program)_words "${@}"
        }

        """
    }

    private static func zsh(_ program: String, _ subcommand: String, _ names: [String]) -> String {
        """

        _\(program)() {
            local -i found=1
            case "${words[2]}" in
            \(names.joined(separator: "|"))) ;;
            *)
                if ((CURRENT == 2)); then _\(program)_words "${@}" && found=0; fi
                words=("${words[1]}" \(subcommand) "${(@)words[2,-1]}")
                ((CURRENT += 1))
                ;;
            esac
            _\(program)_words "${@}" && found=0
            return "${found}"
        }

        """
    }

    private static func fish(_ subcommand: String, _ names: [String]) -> String {
        """
            if test (count $unparsed_tokens) -gt 1
                and not contains -- $unparsed_tokens[2] \(names.joined(separator: " "))
                set unparsed_tokens $unparsed_tokens[1] \(subcommand) $unparsed_tokens[2..]
            end

        """
    }
}
