import Tensors

/// The directions in which some vectors differ most.
package struct PrincipalComponents: Codable, Equatable, Sendable {
    /// Length of the vectors.
    package let dimensions: Int
    /// Share of the whole variance that each component explains, descending.
    package let explained: [Double]
    /// For each vector its coordinates along the components, from the mean of all.
    package let coordinates: [[Float]]

    /// Finds the first `count` components of `n` vectors, the rows of `vectors`, or as many as there are.
    ///
    /// Subspace iteration with a few more directions than wanted, until the variances no longer change in the sixth
    /// digit. The sign of a component is such that its largest weight is positive; the first vectors of the iteration
    /// come from a fixed seed. Same vectors, same bits. `afterEach` may throw to stop.
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

    /// Gram-Schmidt, twice for accuracy. What is left of a direction that depends on earlier ones becomes zero.
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
