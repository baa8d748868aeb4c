#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension Naive {
    package static func softmax(_ logits: [Double], classes: Int) -> [Double] {
        var p = logits
        for start in stride(from: 0, to: logits.count, by: classes) {
            let row = start..<start + classes
            let largest = logits[row].max()!
            for index in row { p[index] = exp(logits[index] - largest) }
            let sum = p[row].reduce(0, +)
            for index in row { p[index] /= sum }
        }
        return p
    }

    /// Losses of the rows and the reduced loss. Rows with a negative target are ignored.
    package static func crossEntropy(
        _ logits: [Double], targets: [Int32], classes: Int, smoothing: Double, weights: [Double]?, mean: Bool
    ) -> (losses: [Double], loss: Double) {
        var losses = [Double](repeating: 0, count: targets.count)
        var divisor = 0.0
        for (n, target) in targets.enumerated() where target >= 0 {
            let row = logits[n * classes..<(n + 1) * classes]
            let largest = row.max()!
            let logSum = largest + log(row.reduce(0) { $0 + exp($1 - largest) })
            for (c, logit) in row.enumerated() {
                let weight = weights?[c] ?? 1
                let share = (c == Int(target) ? 1 - smoothing : 0) + smoothing / Double(classes)
                losses[n] += share * weight * (logSum - logit)
            }
            divisor += weights?[Int(target)] ?? 1
        }
        let sum = losses.reduce(0, +)
        return (losses, mean ? sum / divisor : sum)
    }

    /// The velocity is empty before the first step.
    package struct SGD: Sendable {
        package var learningRate: Double
        package var momentum = 0.0
        package var dampening = 0.0
        package var weightDecay = 0.0
        package var nesterov = false
        package var velocity: [Double] = []

        package init(
            learningRate: Double, momentum: Double = 0, dampening: Double = 0, weightDecay: Double = 0,
            nesterov: Bool = false
        ) {
            self.learningRate = learningRate
            self.momentum = momentum
            self.dampening = dampening
            self.weightDecay = weightDecay
            self.nesterov = nesterov
        }

        /// A step of `torch.optim.SGD`, by the formulas of its documentation.
        package mutating func step(_ parameters: inout [Double], gradients: [Double]) {
            let isFirst = velocity.isEmpty
            if isFirst { velocity = [Double](repeating: 0, count: parameters.count) }
            for i in parameters.indices {
                var g = gradients[i] + weightDecay * parameters[i]
                if momentum != 0 {
                    velocity[i] = isFirst ? g : momentum * velocity[i] + (1 - dampening) * g
                    g = nesterov ? g + momentum * velocity[i] : velocity[i]
                }
                parameters[i] -= learningRate * g
            }
        }
    }

    package struct Adam: Sendable {
        package var learningRate: Double
        package var beta1 = 0.9
        package var beta2 = 0.999
        package var epsilon = 1e-8
        package var weightDecay = 0.0
        package var decoupledDecay = false
        package var firstMoment: [Double] = []
        package var secondMoment: [Double] = []
        private var steps = 0

        package init(
            learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
            weightDecay: Double = 0, decoupledDecay: Bool = false
        ) {
            self.learningRate = learningRate
            self.beta1 = beta1
            self.beta2 = beta2
            self.epsilon = epsilon
            self.weightDecay = weightDecay
            self.decoupledDecay = decoupledDecay
        }

        /// A step of `torch.optim.Adam` or `AdamW`, by the formulas of their documentation.
        package mutating func step(_ parameters: inout [Double], gradients: [Double]) {
            if steps == 0 {
                firstMoment = [Double](repeating: 0, count: parameters.count)
                secondMoment = firstMoment
            }
            steps += 1
            for i in parameters.indices {
                var g = gradients[i]
                if decoupledDecay {
                    parameters[i] *= 1 - learningRate * weightDecay
                } else {
                    g += weightDecay * parameters[i]
                }
                firstMoment[i] = beta1 * firstMoment[i] + (1 - beta1) * g
                secondMoment[i] = beta2 * secondMoment[i] + (1 - beta2) * g * g
                let first = firstMoment[i] / (1 - pow(beta1, Double(steps)))
                let second = secondMoment[i] / (1 - pow(beta2, Double(steps)))
                parameters[i] -= learningRate * first / (second.squareRoot() + epsilon)
            }
        }
    }
}

/// Logits and probabilities [N][classes][plane].
extension Naive {
    /// The mean of the class probabilities of several models, whose logits follow one another.
    package static func meanSoftmax(_ logits: [Double], models: Int, classes: Int, plane: Int) -> [Double] {
        let count = logits.count / models
        var mean = [Double](repeating: 0, count: count)
        for (place, p) in planeSoftmax(logits, classes: classes, plane: plane).enumerated() {
            mean[place % count] += p / Double(models)
        }
        return mean
    }

    /// The mean cross-entropy against probabilities `p`.
    package static func distillation(_ logits: [Double], _ p: [Double], classes: Int, plane: Int) -> Double {
        let q = planeSoftmax(logits, classes: classes, plane: plane)
        return zip(p, q).reduce(0) { $0 - $1.0 * log($1.1) } / Double(logits.count / classes)
    }

    private static func planeSoftmax(_ logits: [Double], classes: Int, plane: Int) -> [Double] {
        var p = logits
        for start in stride(from: 0, to: logits.count, by: classes * plane) {
            for pixel in start..<start + plane {
                let places = (0..<classes).map { pixel + $0 * plane }
                for (place, value) in zip(places, softmax(places.map { logits[$0] }, classes: classes)) {
                    p[place] = value
                }
            }
        }
        return p
    }
}
