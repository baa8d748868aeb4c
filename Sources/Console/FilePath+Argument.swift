import ArgumentParser
import Foundations

extension FilePath: @retroactive ExpressibleByArgument {
    public init?(argument: String) {
        // An empty path names no file.
        if argument.isEmpty { return nil }
        self.init(argument)
    }

    public static var defaultCompletionKind: CompletionKind { .file() }
}
