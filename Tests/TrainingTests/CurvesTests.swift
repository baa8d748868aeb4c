import TestSupport
import Testing
import Training

struct CurvesTests {
    @Test func curvesMatchScikitLearn() throws {
        for golden in try Golden().cases(of: "curves", atLeast: 2) {
            let (scores, positives) = (try golden.doubles("score"), try golden.ints("y").map { $0 == 1 })
            let exact = Tolerance(absolute: 1e-12)
            let roc = try #require(ROCCurve(scores: scores, positives: positives))
            try compare("fpr", roc.points.map(\.falsePositiveRate), golden.doubles("fpr"), exact)
            try compare("tpr", roc.points.map(\.truePositiveRate), golden.doubles("tpr"), exact)
            try compare("thresholds", roc.points.map { $0.threshold ?? .nan }, golden.doubles("roc_thresholds"), exact)
            let curve = try #require(PrecisionRecallCurve(scores: scores, positives: positives))
            let (precision, recall) = (try golden.doubles("precision"), try golden.doubles("recall"))
            try compare("precision", curve.points.map(\.precision), precision, exact)
            try compare("recall", curve.points.map(\.recall), recall, exact)
            try compare("thresholds", curve.points.map(\.threshold), golden.doubles("pr_thresholds"), exact)
            try compare("area", [curve.averagePrecision], [golden.double("average_precision")], exact)
        }
    }

    private func area(_ curve: ROCCurve) -> Double {
        zip(curve.points, curve.points.dropFirst()).reduce(0) { sum, step in
            let width = step.1.falsePositiveRate - step.0.falsePositiveRate
            return sum + width * (step.0.truePositiveRate + step.1.truePositiveRate) / 2
        }
    }

    @Test func thinnedCurvesKeepTheirShape() throws {
        let count = 3000
        let positives = Formula.integers(seed: 1, count: count, below: 2).map { $0 == 1 }
        let noise = Formula.values(seed: 2, count: count)
        let scores = positives.indices.map { (positives[$0] ? 0.3 : 0) + Double(noise[$0]) }
        let whole = try #require(ROCCurve(scores: scores, positives: positives))
        let auc = try #require(areaUnderROC(scores: scores, positives: positives))
        #expect((area(whole) - auc).magnitude < 1e-12 && whole.points.count == count + 1)
        // Points within straight segments are left out.
        let corners = whole.thinned(to: count + 1)
        #expect((area(corners) - auc).magnitude < 1e-12 && corners.points.count < count * 3 / 4)
        let drawn = whole.thinned()
        #expect((area(drawn) - auc).magnitude < 1e-3 && 150...200 ~= drawn.points.count)
        #expect(drawn.points.first == whole.points.first && drawn.points.last == whole.points.last)
        #expect(whole.thinned(to: 2).points == [whole.points[0], whole.points[count]])
        let curve = try #require(PrecisionRecallCurve(scores: scores, positives: positives))
        let thin = curve.thinned(to: 50)
        #expect(thin.averagePrecision == curve.averagePrecision && 30...50 ~= thin.points.count)
        #expect(thin.points.first == curve.points.first && thin.points.last == curve.points.last)
    }

    @Test func curvesOfOneClassOrOfTies() throws {
        #expect(ROCCurve(scores: [1, 2], positives: [true, true]) == nil)
        #expect(ROCCurve(scores: [], positives: []) == nil)
        #expect(PrecisionRecallCurve(scores: [1, 2], positives: [false, false]) == nil)
        #expect(PrecisionRecallCurve(scores: [1, 2], positives: [true, true])?.averagePrecision == 1)
        let ties = try #require(ROCCurve(scores: [3, 3, 3, 3], positives: [true, false, false, true]))
        #expect(ties.points.map(\.truePositiveRate) == [0, 1] && ties.points.map(\.threshold) == [nil, 3])
        #expect(ties.thinned() == ties && area(ties) == 0.5)
    }
}
