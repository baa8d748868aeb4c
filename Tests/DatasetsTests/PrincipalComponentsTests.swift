import Datasets
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct PrincipalComponentsTests {
    /// Points along three orthogonal axes in 60 dimensions, with variances 9 : 4 : 1 around a mean far from zero.
    @Test func knownAxesAreFound() throws {
        let axes = (0..<3).map { axis in
            (0..<60).map { Float($0 / 20 == axis ? ($0 % 2 == 0 ? 1 : -0.5) : 0) }
        }
        var vectors = [[Float]]()
        for (axis, length) in [(0, 3), (1, 2), (2, 1)] as [(Int, Float)] {
            for sign in [-1, 1] as [Float] { vectors.append(axes[axis].map { 100 + $0 * sign * length }) }
        }
        let found = try PrincipalComponents(of: vectors, count: 4)
        #expect(found.dimensions == 60 && found.explained.count == 3, "there are only three directions")
        for (share, expected) in zip(found.explained, [9.0 / 14, 4.0 / 14, 1.0 / 14]) {
            #expect(abs(share - expected) < 1e-6)
        }
        // The largest weights of an axis, 1, are positive, so points in its direction have positive coordinates. Its norm
        // is the square root of 10 * 1 + 10 * 0.25.
        let norm = Float(12.5).squareRoot()
        for (index, coordinates) in found.coordinates.enumerated() {
            for component in 0..<3 {
                let length = [3, 2, 1][component] * norm * (index % 2 == 0 ? -1 : 1)
                let expected = index / 2 == component ? length : 0
                #expect(abs(coordinates[component] - expected) < 1e-3, "point \(index), component \(component)")
            }
        }
    }

    @Test func coordinatesKeepTheVariances() throws {
        var random = SplitMix64(seed: 3)
        let vectors = (0..<50).map { _ in (0..<30).map { place in random.unit() * Float(1 + place % 7) } }
        let found = try PrincipalComponents(of: vectors, count: 30)
        #expect(abs(found.explained.reduce(0, +) - 1) < 1e-6)
        #expect(found.explained == found.explained.sorted(by: >))
        for (i, j) in [(0, 1), (0, 5), (3, 4)] {
            let product = found.coordinates.reduce(0.0) { $0 + Double($1[i] * $1[j]) }
            let size = found.coordinates.reduce(0.0) { $0 + Double($1[i] * $1[i]) }
            #expect(abs(product) < 1e-4 * size, "components \(i) and \(j) are correlated")
        }
        try Kernels.setThreadCount(1)
        let alone = try PrincipalComponents(of: vectors, count: 30)
        try Kernels.setThreadCount(3)
        #expect(try PrincipalComponents(of: vectors, count: 30) == alone)
    }

    @Test func vectorsWithoutVarianceHaveNoComponents() throws {
        for vectors in [[[1, 2, 3]], [[1, 2, 3], [1, 2, 3]]] as [[[Float]]] {
            let found = try PrincipalComponents(of: vectors, count: 2)
            #expect(found.explained.isEmpty && found.coordinates == vectors.map { _ in [] })
        }
    }

    @Test func smallMatricesAreDiagonalized() {
        let (values, vectors) = symmetricEigen([[2, 1, 0], [1, 2, 0], [0, 0, 5]])
        #expect(zip(values, [5, 3, 1]).allSatisfy { abs($0 - $1) < 1e-12 })
        let half = 0.5.squareRoot()
        for (vector, expected) in zip(vectors, [[0, 0, 1], [half, half, 0], [half, -half, 0]]) {
            #expect(abs(abs(zip(vector, expected).reduce(0) { $0 + $1.0 * $1.1 }) - 1) < 1e-12)
        }
    }
}
