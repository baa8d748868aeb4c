import ArgumentParser
import Datasets
import NeuralNetworks
import Training

extension Architecture: ExpressibleByArgument {}
extension Strategy: ExpressibleByArgument {}
extension OptimizerSettings.Method: ExpressibleByArgument {}
extension TrainingSettings.Schedule: ExpressibleByArgument {}
extension TrainingSettings.Balance: ExpressibleByArgument {}

extension Option {
    /// An option with the name and the help text of a hyperparameter. Without a value, the strategy's default applies.
    init<T: ExpressibleByArgument>(_ parameter: Hyperparameter<T>) where Value == T? {
        self.init(name: .customLong(parameter.name), help: ArgumentHelp(parameter.help))
    }
}

extension Option where Value == [String] {
    /// An option that may be repeated, with the name and the help text of a hyperparameter.
    init(wrappedValue: [String], _ parameter: Hyperparameter<[String]>) {
        self.init(
            wrappedValue: wrappedValue, name: .customLong(parameter.name), help: ArgumentHelp(parameter.help))
    }
}

extension Flag where Value == Bool? {
    /// A pair of flags, --NAME and --no-NAME, for a hyperparameter.
    init(_ parameter: Hyperparameter<Bool>) {
        self.init(
            name: .customLong(parameter.name), inversion: .prefixedNo, help: ArgumentHelp(parameter.help))
    }
}

extension HyperparameterError {
    /// The error as one about command-line options.
    var validationError: ValidationError {
        let prefix = if case .hasNoEffect = self { "--" } else { "" }
        return ValidationError("--\(name): expected \(prefix)\(expected), found \(found)")
    }
}
