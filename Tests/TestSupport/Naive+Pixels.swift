import Tensors

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

extension Naive {
    /// The loss of pixel classes as its definition states it, for logits [N][3][plane].
    package static func pixelLoss(
        _ logits: [Double], classes: [UInt8], truth: [PixelTruth], _ settings: PixelLoss
    ) -> Double {
        let plane = classes.count / truth.count
        var (crossEntropy, weights) = (0.0, 0.0)
        var (interior, nuclei) = ([(p: Double, t: Double)](), [(p: Double, t: Double)]())
        var scores = [(weight: Double, p: Double)]()
        func addPixel(_ p: [Double], _ known: UInt8) {
            let weight = Double(settings.classWeights[Int(known)])
            crossEntropy -= weight * log(p[Int(known)])
            weights += weight
            interior.append((p[1], known == PixelClass.interior.rawValue ? 1 : 0))
            nuclei.append((1 - p[0], known == PixelClass.background.rawValue ? 0 : 1))
        }
        for (sample, truth) in truth.enumerated() {
            let pixels = (0..<plane).map { pixelProbabilities(logits, sample: sample, pixel: $0, plane: plane) }
            switch truth {
            case .none: break
            case .any:
                scores.append((Double(settings.anyWeight), meanOfTop(pixels.map { 1 - $0[0] }, settings.scoredPixels)))
            case .classes:
                for (pixel, p) in pixels.enumerated() {
                    let known = classes[sample * plane + pixel]
                    if known != PixelClass.ignored { addPixel(p, known) }
                }
            case .absent:
                for p in pixels { addPixel(p, PixelClass.background.rawValue) }
                let score = meanOfTop(pixels.map { 1 - $0[0] }, settings.scoredPixels)
                scores.append((Double(settings.absentWeight ?? 0), 1 - score))
            }
        }
        var loss = 0.0
        if weights > 0 {
            let dice = [interior, nuclei].map { pixels in
                let common = pixels.reduce(0) { $0 + $1.p * $1.t }
                return (2 * common + 1) / (pixels.reduce(0) { $0 + $1.p + $1.t } + 1)
            }
            loss += crossEntropy / weights + Double(settings.diceWeight) * (1 - (dice[0] + dice[1]) / 2)
        }
        scores.removeAll { $0.weight == 0 }
        if !scores.isEmpty { loss -= scores.reduce(0) { $0 + $1.weight * log($1.p) } / Double(scores.count) }
        return loss
    }

    package static func pixelProbabilities(
        _ logits: [Double], sample: Int, pixel: Int, plane: Int
    ) -> [Double] {
        softmax((0..<3).map { logits[(sample * 3 + $0) * plane + pixel] }, classes: 3)
    }

    package static func meanOfTop(_ values: [Double], _ count: Int) -> Double {
        let top = values.sorted(by: >).prefix(count)
        return top.reduce(0, +) / Double(top.count)
    }
}
