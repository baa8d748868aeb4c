/// An epoch as model files record it: without times, so that equal runs write equal files.
struct EpochOutcome: Encodable {
    let epoch: EpochRecord

    private enum CodingKeys: CodingKey {
        case cycle, epoch, learningRate, trainLoss, trainAccuracy, watchedLoss, watchedAccuracy, watchedF1
        case watchedDice
    }

    func encode(to encoder: any Encoder) throws {
        var values = encoder.container(keyedBy: CodingKeys.self)
        try values.encode(epoch.cycle, forKey: .cycle)
        try values.encode(epoch.epoch, forKey: .epoch)
        try values.encode(epoch.learningRate, forKey: .learningRate)
        try values.encode(epoch.trainLoss, forKey: .trainLoss)
        try values.encode(epoch.trainAccuracy, forKey: .trainAccuracy)
        try values.encode(epoch.watchedLoss, forKey: .watchedLoss)
        try values.encode(epoch.watchedAccuracy, forKey: .watchedAccuracy)
        try values.encode(epoch.watchedF1, forKey: .watchedF1)
        try values.encodeIfPresent(epoch.watchedDice, forKey: .watchedDice)
    }
}
