/// Receiver operating characteristic: true positive rate against false positive rate at every threshold, from the highest
/// threshold to the lowest.
package struct ROCCurve: Codable, Equatable, Sendable {
    package struct Point: Codable, Equatable, Sendable {
        package let falsePositiveRate: Double
        package let truePositiveRate: Double
        /// Tiles with at least this score are positive. Nil for the point without positive predictions.
        package let threshold: Double?
    }

    package let points: [Point]

    /// Returns nil without positives or negatives.
    package init?(scores: [Double], positives: [Bool]) {
        let counts = thresholdCounts(scores, positives)
        guard let all = counts.last, all.positives > 0, all.negatives > 0 else { return nil }
        points =
            [Point(falsePositiveRate: 0, truePositiveRate: 0, threshold: nil)]
            + counts.map { count in
                Point(
                    falsePositiveRate: Double(count.negatives) / Double(all.negatives),
                    truePositiveRate: Double(count.positives) / Double(all.positives), threshold: count.score)
            }
    }

    private init(points: [Point]) {
        self.points = points
    }

    /// The curve with at most `limit` points, for drawing.
    package func thinned(to limit: Int = 200) -> ROCCurve {
        let kept = drawnPoints(points.map { ($0.falsePositiveRate, $0.truePositiveRate) }, limit)
        return ROCCurve(points: kept.map { points[$0] })
    }
}

/// Precision against recall at every threshold, from the highest threshold to the lowest.
package struct PrecisionRecallCurve: Codable, Equatable, Sendable {
    package struct Point: Codable, Equatable, Sendable {
        package let recall: Double
        package let precision: Double
        /// Tiles with at least this score are positive.
        package let threshold: Double
    }

    package let points: [Point]
    /// The sum of the precisions, weighted by the increases of recall, without interpolation (scikit-learn's definition).
    package let averagePrecision: Double

    /// Returns nil without positives.
    package init?(scores: [Double], positives: [Bool]) {
        let counts = thresholdCounts(scores, positives)
        guard let all = counts.last, all.positives > 0 else { return nil }
        points = counts.map { count in
            Point(
                recall: Double(count.positives) / Double(all.positives),
                precision: Double(count.positives) / Double(count.positives + count.negatives), threshold: count.score)
        }
        averagePrecision = zip(points, [0] + points.map(\.recall)).reduce(0) { sum, step in
            sum + (step.0.recall - step.1) * step.0.precision
        }
    }

    private init(points: [Point], averagePrecision: Double) {
        self.points = points
        self.averagePrecision = averagePrecision
    }

    /// The curve with at most `limit` points, for drawing. The average precision stays that of the full curve.
    package func thinned(to limit: Int = 200) -> PrecisionRecallCurve {
        let kept = drawnPoints(points.map { ($0.recall, $0.precision) }, limit)
        return PrecisionRecallCurve(points: kept.map { points[$0] }, averagePrecision: averagePrecision)
    }
}

/// The number of positives and negatives with at least each score, in descending order of scores.
private func thresholdCounts(
    _ scores: [Double], _ positives: [Bool]
) -> [(score: Double, positives: Int, negatives: Int)] {
    precondition(scores.count == positives.count)
    var result = [(score: Double, positives: Int, negatives: Int)]()
    var (positivesAbove, negativesAbove) = (0, 0)
    for index in scores.indices.sorted(by: { scores[$0] > scores[$1] }) {
        if positives[index] { positivesAbove += 1 } else { negativesAbove += 1 }
        if let last = result.last, last.score == scores[index] { result.removeLast() }
        result.append((scores[index], positivesAbove, negativesAbove))
    }
    return result
}

/// Indices of the points that suffice to draw a curve: the ends and the corners of horizontal and vertical segments. Of
/// more than `limit` points, returns some that are spread evenly along the curve.
private func drawnPoints(_ points: [(x: Double, y: Double)], _ limit: Int) -> [Int] {
    precondition(limit > 1)
    let corners = points.indices.filter { index in
        if index == 0 || index == points.count - 1 { return true }
        let (before, here, after) = (points[index - 1], points[index], points[index + 1])
        return !(before.x == here.x && here.x == after.x || before.y == here.y && here.y == after.y)
    }
    guard corners.count > limit else { return corners }
    var lengths = [0.0]
    for (a, b) in zip(corners, corners.dropFirst()) {
        lengths.append(lengths.last! + (points[a].x - points[b].x).magnitude + (points[a].y - points[b].y).magnitude)
    }
    var kept = [0]
    for step in 1..<limit - 1 {
        let goal = lengths.last! * Double(step) / Double(limit - 1)
        var next = kept.last!
        while next < corners.count - 2 && lengths[next] < goal { next += 1 }
        if next > kept.last! { kept.append(next) }
    }
    return (kept + [corners.count - 1]).map { corners[$0] }
}
