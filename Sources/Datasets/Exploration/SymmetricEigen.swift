/// Eigenvalues of a small symmetric matrix, descending, and the eigenvector of each, by Jacobi's rotations (Golub and
/// Van Loan, Matrix Computations, section 8.5).
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

/// Turns rows p and q of a matrix in their plane.
private func rotate(_ matrix: inout [[Double]], _ p: Int, _ q: Int, _ c: Double, _ s: Double) {
    for k in matrix.indices {
        let (x, y) = (matrix[p][k], matrix[q][k])
        matrix[p][k] = c * x - s * y
        matrix[q][k] = s * x + c * y
    }
}
