import ArgumentParser

/// The options about what a command prints.
package struct MessageOptions: ParsableArguments {
    @Flag(
        name: .shortAndLong,
        help: "Print only warnings, errors and, where they are the purpose of the command, estimates and scores.")
    package var quiet = false

    @Flag(name: .shortAndLong, help: "Print details too: model, threads, settings, times.")
    package var verbose = false

    package init() {}

    package func validate() throws {
        try require(!(quiet && verbose), "--quiet", "either --quiet or --verbose", found: "both")
    }

    /// Selects what is printed from now on. `json`: standard output is for a document, lines of results go to standard
    /// error. `resultsArePurpose`: results are printed even with `--quiet`.
    package func apply(json: Bool = false, resultsArePurpose: Bool = false) {
        var selection = Terminal.Selection()
        (selection.showsNotes, selection.showsDetails) = (!quiet, verbose)
        if quiet, !resultsArePurpose {
            selection.results = .nowhere
        } else if json {
            selection.results = .onErrors
        }
        Terminal.select(selection)
    }
}
