import ArgumentParser
import Foundations

extension FilePath: @retroactive ExpressibleByArgument {
    public init?(argument: String) {
        // No file has an empty name.
        if argument.isEmpty { return nil }
        self.init(argument)
    }
}
