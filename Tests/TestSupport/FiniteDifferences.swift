/// Gradient of a scalar function by central differences: (f(x + eps) - f(x - eps)) / (2 eps) for each element.
///
/// The error is about eps^2 times the third derivative, plus the rounding error divided by eps. A large `eps` is best for
/// functions that are linear in each argument. Arguments must be further than `eps` from kinks.
package func finiteDifferences(
    at point: [Double], eps: Double, _ function: ([Double]) throws -> Double
) rethrows -> [Double] {
    var point = point
    var gradient = [Double](repeating: 0, count: point.count)
    for index in point.indices {
        let value = point[index]
        point[index] = value + eps
        let above = try function(point)
        point[index] = value - eps
        let below = try function(point)
        point[index] = value
        gradient[index] = (above - below) / (2 * eps)
    }
    return gradient
}

/// Dot product: a scalar loss whose gradient with respect to `y` is `gy`.
package func dot(_ y: [Double], _ gy: [Double]) -> Double {
    precondition(y.count == gy.count)
    var sum = 0.0
    for index in y.indices { sum += y[index] * gy[index] }
    return sum
}
