/// Area under the receiver operating characteristic: the probability that a positive scores higher than a negative,
/// ties counted half (Mann and Whitney 1947). nil without positives or negatives.
package func areaUnderROC(scores: [Double], positives: [Bool]) -> Double? {
    let positiveCount = positives.count { $0 }
    let negativeCount = positives.count - positiveCount
    guard positiveCount > 0, negativeCount > 0 else { return nil }
    let order = scores.indices.sorted { scores[$0] < scores[$1] }
    var rankSum = 0.0
    var start = 0
    while start < order.count {
        var end = start + 1
        while end < order.count, scores[order[end]] == scores[order[start]] { end += 1 }
        // Equal scores share the mean of their ranks, which count from 1.
        let rank = Double(start + 1 + end) / 2
        rankSum += rank * Double(order[start..<end].count { positives[$0] })
        start = end
    }
    let pairs = Double(positiveCount) * Double(negativeCount)
    return (rankSum - Double(positiveCount) * Double(positiveCount + 1) / 2) / pairs
}
