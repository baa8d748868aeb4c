import Datasets
import TestSupport
import Testing

struct LogisticRegressionTests {
    private let inputs = [-3, -1, 0, 0.5, 1, 2, 2.5, 4, 5, 6.5]
    private let isPositive = [false, false, false, false, false, true, false, true, false, true]

    /// Expected values: scikit-learn 1.9.1, LogisticRegression(C=1) on inputs scaled to mean 0 and deviation 1.
    @Test(arguments: [(false, 0.34042229, -1.59804123), (true, 0.37119509, -0.91406343)])
    func linesMatchScikitLearn(isBalanced: Bool, slope: Double, offset: Double) throws {
        let fit = LogisticRegression(inputs.map { [$0] }, isPositive, isBalanced: isBalanced)
        try compare("line", [fit.slopes[0], fit.offset], [slope, offset], Tolerance(absolute: 1e-5))
    }
}
