/// The gradient of a scalar function by central differences: (f(x + eps) - f(x - eps)) / (2 eps) for each element.
///
/// The error is of the order of eps^2 times the third derivative plus rounding / eps: for functions that are linear in
/// each argument a large `eps` is best; at kinks the caller keeps arguments further away than `eps`.
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

/// Sum of products: the scalar loss whose gradient by `y` is `gy`.
package func dot(_ y: [Double], _ gy: [Double]) -> Double {
    precondition(y.count == gy.count)
    var sum = 0.0
    for index in y.indices { sum += y[index] * gy[index] }
    return sum
}
