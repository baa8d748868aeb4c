/// An optimization algorithm and its settings. Defaults are those of PyTorch.
package enum OptimizerSettings: Equatable, Sendable {
    case sgd(SGD)
    case adam(Adam)

    /// Stochastic gradient descent, as `torch.optim.SGD`.
    package struct SGD: Equatable, Sendable {
        package var learningRate: Float
        /// L2 penalty, added to the gradient.
        package var weightDecay: Float
        package var momentum: Float
        package var nesterov: Bool

        package init(
            learningRate: Float = 1e-3, weightDecay: Float = 0, momentum: Float = 0, nesterov: Bool = false
        ) {
            self.learningRate = learningRate
            self.weightDecay = weightDecay
            self.momentum = momentum
            self.nesterov = nesterov
        }
    }

    /// Adam (Kingma, Ba 2015) as `torch.optim.Adam`, or AdamW (Loshchilov, Hutter 2019) as `torch.optim.AdamW`.
    package struct Adam: Equatable, Sendable {
        package var learningRate: Float
        package var weightDecay: Float
        /// Whether weights decay independently of the gradient (AdamW), or the decay is an L2 penalty (Adam).
        package var hasDecoupledDecay: Bool
        package var beta1: Float = 0.9
        package var beta2: Float = 0.999
        package var epsilon: Float = 1e-8

        package init(learningRate: Float = 1e-3, weightDecay: Float = 0, hasDecoupledDecay: Bool = false) {
            self.learningRate = learningRate
            self.weightDecay = weightDecay
            self.hasDecoupledDecay = hasDecoupledDecay
        }
    }

    /// The names of the algorithms in commands and files.
    package enum Method: String, Codable, CaseIterable, Sendable {
        case adam, adamw, sgd
    }

    /// An algorithm with PyTorch's defaults, except for the given learning rate and weight decay.
    package init(method: Method = .adam, learningRate: Float = 1e-3, weightDecay: Float = 0) {
        switch method {
        case .sgd: self = .sgd(SGD(learningRate: learningRate, weightDecay: weightDecay))
        case .adam: self = .adam(Adam(learningRate: learningRate, weightDecay: weightDecay))
        case .adamw:
            self = .adam(Adam(learningRate: learningRate, weightDecay: weightDecay, hasDecoupledDecay: true))
        }
    }

    package var method: Method {
        switch self {
        case .sgd: .sgd
        case .adam(let adam): adam.hasDecoupledDecay ? .adamw : .adam
        }
    }

    package var learningRate: Float {
        get {
            switch self {
            case .sgd(let sgd): sgd.learningRate
            case .adam(let adam): adam.learningRate
            }
        }
        set { set(\.learningRate, \.learningRate, newValue) }
    }

    package var weightDecay: Float {
        get {
            switch self {
            case .sgd(let sgd): sgd.weightDecay
            case .adam(let adam): adam.weightDecay
            }
        }
        set { set(\.weightDecay, \.weightDecay, newValue) }
    }

    private mutating func set(
        _ ofSGD: WritableKeyPath<SGD, Float>, _ ofAdam: WritableKeyPath<Adam, Float>, _ value: Float
    ) {
        switch self {
        case .sgd(var sgd):
            sgd[keyPath: ofSGD] = value
            self = .sgd(sgd)
        case .adam(var adam):
            adam[keyPath: ofAdam] = value
            self = .adam(adam)
        }
    }
}

/// Files store the settings of all algorithms side by side; those of other algorithms have their default values.
extension OptimizerSettings: Codable {
    private enum Key: String, CodingKey {
        case method, learningRate, weightDecay, momentum, nesterov, beta1, beta2, epsilon
    }

    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: Key.self)
        func float(_ key: Key) throws -> Float { try values.decode(Float.self, forKey: key) }
        self.init(
            method: try values.decode(Method.self, forKey: .method), learningRate: try float(.learningRate),
            weightDecay: try float(.weightDecay))
        switch self {
        case .sgd(var sgd):
            sgd.momentum = try float(.momentum)
            sgd.nesterov = try values.decode(Bool.self, forKey: .nesterov)
            self = .sgd(sgd)
        case .adam(var adam):
            (adam.beta1, adam.beta2, adam.epsilon) = (try float(.beta1), try float(.beta2), try float(.epsilon))
            self = .adam(adam)
        }
    }

    package func encode(to encoder: any Encoder) throws {
        var (sgd, adam) = (SGD(), Adam())
        switch self {
        case .sgd(let settings): sgd = settings
        case .adam(let settings): adam = settings
        }
        var values = encoder.container(keyedBy: Key.self)
        try values.encode(method, forKey: .method)
        try values.encode(learningRate, forKey: .learningRate)
        try values.encode(weightDecay, forKey: .weightDecay)
        try values.encode(sgd.momentum, forKey: .momentum)
        try values.encode(sgd.nesterov, forKey: .nesterov)
        try values.encode(adam.beta1, forKey: .beta1)
        try values.encode(adam.beta2, forKey: .beta2)
        try values.encode(adam.epsilon, forKey: .epsilon)
    }
}
