import NeuralNetworks

/// A setting of training that users can change, declared once.
///
/// Command-line options, range checks and the defaults in help texts derive from the declaration, so they cannot
/// disagree.
package struct Hyperparameter<Value: Equatable & Sendable>: Sendable {
    /// The name in commands: words joined by hyphens.
    package let name: String
    package let range: ValidRange<Value>
    /// The setting without which this one has no effect. Nil for none.
    package let prerequisite: Prerequisite?
    private let summary: String
    /// A default that depends on more than the strategy and the architecture, such as "on with --preset best"; nil for
    /// none.
    private let exception: String?
    private let valueIfNil: String
    private let get: @Sendable (TrainingSettings) -> Value?
    private let set: @Sendable (inout TrainingSettings, Value) -> Void

    /// Declares a hyperparameter. `summary` is a sentence without its period.
    package init(
        _ name: String, _ path: WritableKeyPath<TrainingSettings, Value> & Sendable, _ summary: String,
        _ range: ValidRange<Value> = .any, needs prerequisite: Prerequisite? = nil, except exception: String? = nil
    ) {
        self.name = name
        self.range = range
        self.prerequisite = prerequisite
        self.summary = summary
        self.exception = exception
        valueIfNil = ""
        get = { $0[keyPath: path] }
        set = { $0[keyPath: path] = $1 }
    }

    /// Declares a hyperparameter without a default. `valueIfNil` describes its absence.
    package init(
        _ name: String, optional path: WritableKeyPath<TrainingSettings, Value?> & Sendable, _ summary: String,
        _ range: ValidRange<Value> = .any, valueIfNil: String, needs prerequisite: Prerequisite? = nil
    ) {
        self.name = name
        self.range = range
        self.prerequisite = prerequisite
        self.summary = summary
        exception = nil
        self.valueIfNil = valueIfNil
        get = { $0[keyPath: path] }
        set = { $0[keyPath: path] = $1 }
    }

    /// The value in some settings.
    package func value(in settings: TrainingSettings) -> Value? { get(settings) }

    package func set(_ value: Value, in settings: inout TrainingSettings) { set(&settings, value) }

    /// Throws where the value in some settings is out of range.
    @Sendable package func check(_ settings: TrainingSettings) throws(HyperparameterError) {
        if let value = value(in: settings) { try check(value) }
    }

    fileprivate func check(_ value: Value) throws(HyperparameterError) {
        if !range.contains(value) { throw .outOfRange(name, expected: range.description, found: "\(value)") }
    }

    /// The summary with the defaults of all strategies and architectures, for help texts.
    package var help: String {
        "\(summary) (default: \(exception.map { "\($0); with other presets, " } ?? "")\(defaults))."
    }

    /// The defaults in words, such as "20 with basic; otherwise 30 (lenet5) or 40 (compact)".
    package var defaults: String {
        var groups = [(text: String, strategies: [String])]()
        for strategy in Strategy.allCases {
            let text = defaults(strategy)
            if let place = groups.firstIndex(where: { $0.text == text }) {
                groups[place].strategies.append(strategy.rawValue)
            } else {
                groups.append((text, [strategy.rawValue]))
            }
        }
        let last = groups.removeLast().text
        if groups.isEmpty { return last }
        let others = groups.map { "\($0.text) with \($0.strategies.joined(separator: " and "))" }
        return (others + ["otherwise \(last)"]).joined(separator: "; ")
    }

    private func defaults(_ strategy: Strategy) -> String {
        var groups = [(text: String, architectures: [String])]()
        for architecture in Architecture.allCases {
            let text = text(get(TrainingSettings(strategy, architecture)))
            if let place = groups.firstIndex(where: { $0.text == text }) {
                groups[place].architectures.append(architecture.rawValue)
            } else {
                groups.append((text, [architecture.rawValue]))
            }
        }
        if groups.count == 1 { return groups[0].text }
        let choices = groups.map { "\($0.text) (\($0.architectures.joined(separator: ", ")))" }
        return [choices.dropLast().joined(separator: ", "), choices.last!].joined(separator: " or ")
    }

    private func text(_ value: Value?) -> String {
        guard let value else { return valueIfNil }
        if let flag = value as? Bool { return flag ? "on" : "off" }
        if let named = value as? any RawRepresentable { return "\(named.rawValue)" }
        return "\(value)"
    }
}

/// A setting without which a hyperparameter has no effect.
package struct Prerequisite: Sendable {
    /// The option, and the value that it must have if others have no effect either, such as "optimizer sgd".
    package let description: String
    package let isMet: @Sendable (TrainingSettings) -> Bool

    package init(_ description: String, _ isMet: @escaping @Sendable (TrainingSettings) -> Bool) {
        self.description = description
        self.isMet = isMet
    }
}

/// The valid values of a hyperparameter.
package struct ValidRange<Value: Equatable & Sendable>: Sendable {
    /// The range in words, as errors show it.
    package let description: String
    package let contains: @Sendable (Value) -> Bool

    package init(_ description: String, _ contains: @escaping @Sendable (Value) -> Bool) {
        self.description = description
        self.contains = contains
    }

    package static var any: ValidRange { ValidRange("any value") { _ in true } }
}

extension ValidRange where Value: Comparable {
    package static func within(_ range: ClosedRange<Value>) -> ValidRange {
        ValidRange("\(range.lowerBound) to \(range.upperBound)") { range.contains($0) }
    }
}

extension ValidRange where Value: BinaryInteger {
    package static func atLeast(_ least: Value) -> ValidRange { ValidRange("at least \(least)") { $0 >= least } }
}

extension ValidRange where Value: BinaryFloatingPoint {
    package static var positive: ValidRange { ValidRange("a positive number") { $0 > 0 && $0.isFinite } }
    package static var notNegative: ValidRange { ValidRange("0 or more") { $0 >= 0 && $0.isFinite } }
    package static var belowOne: ValidRange { ValidRange("0 or more, below 1") { 0..<1 ~= $0 } }
}

/// A hyperparameter with the value that replaces its default.
package struct HyperparameterChange: Sendable {
    fileprivate let check: @Sendable () throws(HyperparameterError) -> Void
    fileprivate let apply: @Sendable (inout TrainingSettings) -> Void
    fileprivate let checkEffect: @Sendable (TrainingSettings) throws(HyperparameterError) -> Void

    /// Returns nil without a value.
    package init?<Value>(_ parameter: Hyperparameter<Value>, _ value: Value?) {
        guard let value else { return nil }
        check = { () throws(HyperparameterError) in try parameter.check(value) }
        apply = { parameter.set(value, in: &$0) }
        checkEffect = { settings throws(HyperparameterError) in
            if let prerequisite = parameter.prerequisite, !prerequisite.isMet(settings) {
                throw .hasNoEffect(parameter.name, without: prerequisite.description)
            }
        }
    }
}

/// A hyperparameter that cannot have the value it was given.
package enum HyperparameterError: Error, Equatable {
    case outOfRange(String, expected: String, found: String)
    /// The hyperparameter needs another setting, such as "optimizer sgd".
    case hasNoEffect(String, without: String)

    package var name: String {
        switch self {
        case .outOfRange(let name, _, _), .hasNoEffect(let name, _): name
        }
    }

    package var expected: String {
        switch self {
        case .outOfRange(_, let expected, _): expected
        case .hasNoEffect(_, let other): "\(other) with it"
        }
    }

    package var found: String {
        switch self {
        case .outOfRange(_, _, let found): found
        case .hasNoEffect: "none"
        }
    }
}

extension TrainingSettings {
    /// The defaults of a strategy with changes, which are applied in order.
    package init(
        _ strategy: Strategy, _ architecture: Architecture, _ changes: [HyperparameterChange]
    ) throws(HyperparameterError) {
        self.init(strategy, architecture)
        for change in changes { try change.check() }
        for change in changes { change.apply(&self) }
        for change in changes { try change.checkEffect(self) }
    }
}
