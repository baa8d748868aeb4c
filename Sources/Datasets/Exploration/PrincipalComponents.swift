import Tensors

/// The directions of largest variance of a set of vectors.
package struct PrincipalComponents: Codable, Equatable, Sendable {
    /// The length of the vectors.
    package let dimensions: Int
    /// The share of the total variance that each component explains, descending.
    package let explained: [Double]
    /// The coordinates of each vector along the components, relative to the mean.
    package let coordinates: [[Float]]

    /// Finds the first `count` components, or fewer where the vectors span fewer dimensions.
    ///
    /// Uses subspace iteration with 8 additional directions, until the variances are stable to six digits. The largest
    /// weight of a component is positive. The iteration starts from a fixed seed, so the result is deterministic. Calls
    /// `afterEach` after each iteration; an error that it throws stops the work.
    package init(of vectors: [[Float]], count wanted: Int, afterEach: () throws -> Void = {}) throws {
        let (n, length) = (vectors.count, vectors.first?.count ?? 0)
        dimensions = length
        let centered = Self.centered(vectors)
        let total = centered.withUnsafeBuffer { $0.reduce(0.0) { $0 + Double($1) * Double($1) } }
        let rank = min(wanted + 8, n, length)
        guard total > 0, rank > 0 else {
            explained = []
            coordinates = vectors.map { _ in [] }
            return
        }
        var random = SplitMix64(seed: 0x70_6361)
        var basis = (0..<rank).map { _ in (0..<length).map { _ in Double(random.unit()) - 0.5 } }
        let projected = Tensor([n, rank])
        let directions = Tensor([rank, length])
        let scratch = Tensor([Kernels.linearScratchCount(batch: n, inputs: length, outputs: rank)])
        var (variances, rotation) = ([Double](), [[Double]]())
        for iteration in 0..<200 {
            if iteration > 0 {
                try Kernels.linearBackwardWeight(directions, nil, gy: projected, centered)
                basis = directions.withUnsafeBuffer { values in
                    (0..<rank).map { row in values[row * length..<(row + 1) * length].map(Double.init) }
                }
            }
            Self.orthonormalize(&basis)
            Self.fill(directions, basis)
            try Kernels.linearForward(projected, centered, weight: directions, bias: nil, scratch: scratch)
            let last = variances
            (variances, rotation) = symmetricEigen(Self.gram(projected, n, rank))
            let change = zip(variances, last).prefix(wanted).map { abs($0 - $1) }.max() ?? .infinity
            if change <= 1e-6 * variances[0] { break }
            try afterEach()
        }
        let kept = (0..<min(wanted, rank)).filter { variances[$0] > 1e-9 * total }
        let signs = kept.map { component in
            let weights = (0..<length).map { place in
                (0..<rank).reduce(0.0) { $0 + rotation[component][$1] * basis[$1][place] }
            }
            return (weights.max { abs($0) < abs($1) } ?? 1) < 0 ? -1.0 : 1.0
        }
        explained = kept.map { variances[$0] / total }
        coordinates = projected.withUnsafeBuffer { values in
            (0..<n).map { row in
                zip(kept, signs).map { component, sign in
                    Float(
                        sign * (0..<rank).reduce(0.0) { $0 + rotation[component][$1] * Double(values[row * rank + $1]) }
                    )
                }
            }
        }
    }

    /// The vectors minus their mean, as the rows of a matrix.
    private static func centered(_ vectors: [[Float]]) -> Tensor {
        let length = vectors.first?.count ?? 0
        var mean = [Double](repeating: 0, count: length)
        for vector in vectors {
            precondition(vector.count == length, "vectors of different lengths")
            for place in 0..<length { mean[place] += Double(vector[place]) }
        }
        for place in 0..<length { mean[place] /= Double(vectors.count) }
        let tensor = Tensor([max(1, vectors.count), max(1, length)])
        tensor.withUnsafeMutableBuffer { values in
            for (row, vector) in vectors.enumerated() {
                for place in 0..<length { values[row * length + place] = Float(Double(vector[place]) - mean[place]) }
            }
        }
        return tensor
    }

    /// Orthonormalizes rows by Gram-Schmidt, twice for accuracy. A row that depends on earlier ones becomes zero.
    private static func orthonormalize(_ basis: inout [[Double]]) {
        for row in basis.indices {
            let before = norm(basis[row])
            for _ in 0..<2 {
                for other in 0..<row {
                    let product = zip(basis[row], basis[other]).reduce(0.0) { $0 + $1.0 * $1.1 }
                    for place in basis[row].indices { basis[row][place] -= product * basis[other][place] }
                }
            }
            let after = norm(basis[row])
            let scale = after > 1e-6 * before ? 1 / after : 0
            for place in basis[row].indices { basis[row][place] *= scale }
        }
    }

    private static func norm(_ vector: [Double]) -> Double { vector.reduce(0) { $0 + $1 * $1 }.squareRoot() }

    private static func fill(_ tensor: Tensor, _ rows: [[Double]]) {
        tensor.withUnsafeMutableBuffer { values in
            for (row, numbers) in rows.enumerated() {
                for (place, number) in numbers.enumerated() { values[row * numbers.count + place] = Float(number) }
            }
        }
    }

    /// The products of all pairs of columns.
    private static func gram(_ matrix: Tensor, _ rows: Int, _ columns: Int) -> [[Double]] {
        var result = [[Double]](repeating: [Double](repeating: 0, count: columns), count: columns)
        matrix.withUnsafeBuffer { values in
            for row in 0..<rows {
                for i in 0..<columns {
                    for j in 0...i {
                        result[i][j] += Double(values[row * columns + i]) * Double(values[row * columns + j])
                    }
                }
            }
        }
        for i in 0..<columns { for j in 0..<i { result[j][i] = result[i][j] } }
        return result
    }
}

/// The eigenvalues of a small symmetric matrix, descending, and their eigenvectors, by Jacobi rotations.
///
/// Source: Golub and Van Loan, "Matrix Computations", section 8.5.
package func symmetricEigen(_ matrix: [[Double]]) -> (values: [Double], vectors: [[Double]]) {
    let n = matrix.count
    var a = matrix
    var v = matrix
    for i in 0..<n { for j in 0..<n { v[i][j] = i == j ? 1 : 0 } }
    let size = matrix.joined().reduce(0.0) { $0 + $1 * $1 }
    for _ in 0..<60 {
        var off = 0.0
        for i in 0..<n { for j in 0..<i { off += a[i][j] * a[i][j] } }
        if off <= 1e-28 * size { break }
        for p in 0..<n {
            for q in p + 1..<max(n, p + 1) where a[p][q] != 0 {
                let theta = (a[q][q] - a[p][p]) / (2 * a[p][q])
                let tangent = 1 / (abs(theta) + (theta * theta + 1).squareRoot())
                let t = theta < 0 ? -tangent : tangent
                let c = 1 / (t * t + 1).squareRoot()
                let s = t * c
                for k in 0..<n {
                    let (x, y) = (a[k][p], a[k][q])
                    a[k][p] = c * x - s * y
                    a[k][q] = s * x + c * y
                }
                rotate(&a, p, q, c, s)
                rotate(&v, p, q, c, s)
            }
        }
    }
    let values = a.indices.map { a[$0][$0] }
    let order = values.indices.sorted { (-values[$0], $0) < (-values[$1], $1) }
    return (order.map { values[$0] }, order.map { v[$0] })
}

/// Rotates rows p and q of a matrix in their plane.
private func rotate(_ matrix: inout [[Double]], _ p: Int, _ q: Int, _ c: Double, _ s: Double) {
    for k in matrix.indices {
        let (x, y) = (matrix[p][k], matrix[q][k])
        matrix[p][k] = c * x - s * y
        matrix[q][k] = s * x + c * y
    }
}
