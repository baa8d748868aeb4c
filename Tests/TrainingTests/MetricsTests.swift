import TestSupport
import Testing
import Training

struct MetricsTests {
    @Test func figuresAreThoseOfScikitLearn() throws {
        for golden in try Golden().cases(of: "metrics", atLeast: 4) {
            let matrix = ConfusionMatrix(
                truth: try golden.ints("y"), predictions: try golden.ints("pred"), classes: 2)
            #expect(try matrix.counts == golden.intRows("confusion_rows_true"))
            let figures = [matrix.accuracy, matrix.weighted.precision, matrix.weighted.recall, matrix.weighted.f1]
            let expected = try ["accuracy", "precision_weighted", "recall_weighted", "f1_weighted"].map(golden.double)
            try compare("\(golden)", figures, expected, Tolerance(absolute: 1e-12))
        }
    }

    @Test func figuresWithoutADenominatorAreZero() {
        let matrix = ConfusionMatrix(truth: [0, 0], predictions: [0, 0], classes: 2)
        let absent = matrix.figures(of: 1)
        #expect([absent.precision, absent.recall, absent.f1] == [0, 0, 0] && absent.support == 0)
        #expect(matrix.weighted.f1 == 1 && matrix.accuracy == 1)
        #expect(ConfusionMatrix(classes: 2).accuracy == 0)
        #expect(ConfusionMatrix(classes: 2).weighted.f1 == 0)
    }
}
