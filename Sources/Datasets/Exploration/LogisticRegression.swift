import Glibc

/// A linear classifier of two classes for a few inputs, which it scales to mean 0 and standard deviation 1.
package struct LogisticRegression {
    private let mean: [Double]
    private let scale: [Double]
    /// One weight per input, followed by the intercept.
    private let weights: [Double]

    /// Fits the weights by Newton's method. The loss includes half the sum of their squares, without the intercept, so
    /// that they stay finite for separable classes. `isBalanced`: both classes have the same weight, whatever their sizes.
    package init(_ inputs: [[Double]], _ isPositive: [Bool], isBalanced: Bool = false) {
        let (n, count) = (Double(inputs.count), inputs[0].count)
        let mean = (0..<count).map { place in inputs.reduce(0.0) { $0 + $1[place] } / n }
        let scale = (0..<count).map { place in
            let variance = inputs.reduce(0.0) { $0 + ($1[place] - mean[place]) * ($1[place] - mean[place]) } / n
            return variance > 1e-12 ? 1 / variance.squareRoot() : 0
        }
        let positives = Double(isPositive.count { $0 })
        let classWeights = isBalanced ? (n / 2 / max(1, n - positives), n / 2 / max(1, positives)) : (1, 1)
        let rows = inputs.map { row in (0..<count).map { (row[$0] - mean[$0]) * scale[$0] } + [1] }
        var weights = [Double](repeating: 0, count: count + 1)
        for _ in 0..<50 {
            var gradient = (0...count).map { $0 < count ? weights[$0] : 0 }
            var hessian = (0...count).map { i in (0...count).map { $0 == i && i < count ? 1.0 : 0 } }
            for (row, positive) in zip(rows, isPositive) {
                let weight = positive ? classWeights.1 : classWeights.0
                let probability = Self.sigmoid(Self.product(row, weights))
                let curvature = weight * max(probability * (1 - probability), 1e-9)
                for i in 0...count {
                    gradient[i] += weight * (probability - (positive ? 1 : 0)) * row[i]
                    for j in 0...i { hessian[i][j] += curvature * row[i] * row[j] }
                }
            }
            let step = Self.solve(hessian, gradient)
            // A long step overshoots where the classes are nearly separable.
            let damping = min(1, 5 / max(1e-12, step.map(abs).max() ?? 0))
            for place in weights.indices { weights[place] -= damping * step[place] }
            if (step.map(abs).max() ?? 0) < 1e-8 { break }
        }
        (self.mean, self.scale, self.weights) = (mean, scale, weights)
    }

    /// The change of the log odds with each input.
    package var slopes: [Double] { mean.indices.map { weights[$0] * scale[$0] } }

    /// The log odds where all inputs are 0.
    package var offset: Double { mean.indices.reduce(weights[mean.count]) { $0 - slopes[$1] * mean[$1] } }

    /// The probability of the positive class.
    func probability(_ input: [Double]) -> Double {
        let row = input.indices.map { (input[$0] - mean[$0]) * scale[$0] } + [1]
        return Self.sigmoid(Self.product(row, weights))
    }

    private static func sigmoid(_ x: Double) -> Double { 1 / (1 + exp(-x)) }

    private static func product(_ a: [Double], _ b: [Double]) -> Double {
        zip(a, b).reduce(0) { $0 + $1.0 * $1.1 }
    }

    /// Solves A x = b for a positive definite matrix A by Cholesky decomposition. Reads only the lower triangle of A.
    private static func solve(_ matrix: [[Double]], _ b: [Double]) -> [Double] {
        let n = b.count
        var l = matrix
        for i in 0..<n {
            for j in 0...i {
                let sum = (0..<j).reduce(matrix[i][j]) { $0 - l[i][$1] * l[j][$1] }
                l[i][j] = i == j ? max(sum, 1e-12).squareRoot() : sum / l[j][j]
            }
        }
        var x = b
        for i in 0..<n { x[i] = (0..<i).reduce(x[i]) { $0 - l[i][$1] * x[$1] } / l[i][i] }
        for i in (0..<n).reversed() { x[i] = (i + 1..<max(n, i + 1)).reduce(x[i]) { $0 - l[$1][i] * x[$1] } / l[i][i] }
        return x
    }
}
