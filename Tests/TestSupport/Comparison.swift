/// Tolerance of a comparison: |actual - expected| <= absolute + relative * |expected|.
package struct Tolerance: Sendable {
    package var absolute: Double
    package var relative: Double

    package init(absolute: Double, relative: Double = 0) {
        self.absolute = absolute
        self.relative = relative
    }

    /// Equal values: 0 equals -0, NaN equals NaN.
    package static let exact = Tolerance(absolute: 0)

    package func accepts(_ actual: Double, _ expected: Double) -> Bool {
        if actual.isNaN || expected.isNaN { return actual.isNaN && expected.isNaN }
        if actual.isInfinite || expected.isInfinite { return actual == expected }
        return (actual - expected).magnitude <= absolute + relative * expected.magnitude
    }
}

/// Two arrays of numbers differ by more than the tolerance.
package struct Mismatch: Error, CustomStringConvertible {
    package let description: String
}

/// Throws a `Mismatch` with the worst index and both values unless `actual` agrees with `expected`.
///
/// NaN agrees with NaN only, an infinity with the same infinity only.
package func compare<A: BinaryFloatingPoint, B: BinaryFloatingPoint>(
    _ name: String, _ actual: [A], _ expected: [B], _ tolerance: Tolerance
) throws(Mismatch) {
    guard actual.count == expected.count else {
        throw Mismatch(description: "\(name): \(actual.count) values instead of \(expected.count)")
    }
    var wrong = 0
    var worst = (index: 0, excess: -1.0)
    for index in actual.indices {
        let (a, b) = (Double(actual[index]), Double(expected[index]))
        if tolerance.accepts(a, b) { continue }
        wrong += 1
        let excess = (a - b).isFinite ? (a - b).magnitude - tolerance.relative * b.magnitude : Double.infinity
        if excess > worst.excess { worst = (index, excess) }
    }
    guard wrong > 0 else { return }
    let (a, b) = (actual[worst.index], expected[worst.index])
    throw Mismatch(
        description: "\(name)[\(worst.index)] is \(a), expected \(b) within \(tolerance.absolute) + "
            + "\(tolerance.relative) relative; \(wrong) of \(actual.count) differ")
}

/// Throws a `Mismatch` unless both arrays have the same bits, including the sign of zero and the payload of NaN.
package func compareBits(_ name: String, _ actual: [Float], _ expected: [Float]) throws(Mismatch) {
    guard actual.count == expected.count else {
        throw Mismatch(description: "\(name): \(actual.count) values instead of \(expected.count)")
    }
    guard let index = actual.indices.first(where: { actual[$0].bitPattern != expected[$0].bitPattern }) else { return }
    throw Mismatch(description: "\(name)[\(index)] is \(actual[index]), expected the bits of \(expected[index])")
}

extension Sequence where Element: BinaryFloatingPoint {
    /// Largest magnitude of the finite elements; 0 without any.
    package var largestMagnitude: Double {
        reduce(0) { $1.isFinite ? Swift.max($0, Double($1.magnitude)) : $0 }
    }
}
