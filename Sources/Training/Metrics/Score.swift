import Datasets

/// Performance of a model on labeled tiles.
package struct Score: Codable, Equatable, Sendable {
    /// Mean cross-entropy, without label smoothing and class weights.
    package var loss: Double
    package var accuracy: Double
    package var weighted: WeightedAverage
    /// Matthews correlation coefficient. Nil for tiles of one class.
    package var mcc: Double?
    /// Area under the ROC curve of the class with nuclei. Nil for tiles of one class.
    package var rocAUC: Double?
    /// Metrics by class name.
    package var classes: [String: ClassMetrics]
    package var confusion: ConfusionMatrix

    /// Scores predictions. `names` has the class names, and `scores` a number for each tile that grows with the
    /// probability of nuclei.
    init(loss: Double, names: [String], targets: [Int], predictions: [Int], scores: [Double]) {
        let nuclei = names.firstIndex(of: TileLabel.nuclei.name)!
        confusion = ConfusionMatrix(truth: targets, predictions: predictions, classes: names.count)
        self.loss = loss
        accuracy = confusion.accuracy
        weighted = confusion.weighted
        mcc = confusion.matthewsCorrelation
        rocAUC = areaUnderROC(scores: scores, positives: targets.map { $0 == nuclei })
        classes = Dictionary(uniqueKeysWithValues: zip(names, names.indices.map(confusion.metrics)))
    }
}
