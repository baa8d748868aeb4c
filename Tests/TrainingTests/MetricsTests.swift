import TestSupport
import Testing
import Training

struct MetricsTests {
    @Test func metricsMatchScikitLearn() throws {
        for golden in try Golden().cases(of: "metrics", atLeast: 4) {
            let matrix = ConfusionMatrix(
                truth: try golden.ints("y"), predictions: try golden.ints("pred"), classes: 2)
            #expect(try matrix.counts == golden.intRows("confusion_rows_true"))
            let auc = areaUnderROC(
                scores: try golden.doubles("score"), positives: try golden.ints("y").map { $0 == 1 })
            let figures = [
                matrix.accuracy, matrix.weighted.precision, matrix.weighted.recall, matrix.weighted.f1,
                try #require(matrix.matthewsCorrelation), try #require(auc),
            ]
            let expected = try ["accuracy", "precision_weighted", "recall_weighted", "f1_weighted", "mcc", "roc_auc"]
                .map(golden.double)
            try compare("\(golden)", figures, expected, Tolerance(absolute: 1e-12))
        }
    }

    @Test func theAreaUnderTheCurveCountsTiesHalf() {
        #expect(areaUnderROC(scores: [1, 2, 3, 4], positives: [false, false, true, true]) == 1)
        #expect(areaUnderROC(scores: [1, 2, 3, 4], positives: [true, true, false, false]) == 0)
        #expect(areaUnderROC(scores: [5, 5, 5], positives: [true, false, true]) == 0.5)
        #expect(areaUnderROC(scores: [1, 2, 2, 3], positives: [false, true, false, true]) == 0.875)
        #expect(areaUnderROC(scores: [1, 2], positives: [true, true]) == nil)
    }

    @Test func earlyStoppingWaitsForImprovement() {
        var stopping = EarlyStopping()
        stopping.patience = 2
        stopping.minimumDelta = 0.1
        #expect(!stopping.stops(after: []))
        #expect(!stopping.stops(after: [1, 0.8, 0.75]))
        #expect(stopping.stops(after: [1, 0.8, 0.75, 0.71]), "smaller decreases are no improvement")
        #expect(!stopping.stops(after: [1, 0.8, 0.75, 0.69]))
        #expect(stopping.stops(after: [1, 2, 3]))
    }

    @Test func metricsWithoutADenominatorAreUndefined() {
        let matrix = ConfusionMatrix(truth: [0, 0], predictions: [0, 0], classes: 2)
        let absent = matrix.metrics(of: 1)
        #expect([absent.precision, absent.recall, absent.f1] == [nil, nil, nil] && absent.support == 0)
        #expect(matrix.matthewsCorrelation == nil && ConfusionMatrix(classes: 2).matthewsCorrelation == nil)
        let constant = ConfusionMatrix(truth: [0, 1], predictions: [0, 0], classes: 2)
        #expect(constant.matthewsCorrelation == 0)
        #expect(constant.metrics(of: 1).precision == nil && constant.metrics(of: 1).recall == 0)
        #expect(matrix.weighted.f1 == 1 && matrix.accuracy == 1)
        #expect(ConfusionMatrix(classes: 2).accuracy == 0)
        #expect(ConfusionMatrix(classes: 2).weighted.f1 == 0)
    }
}
