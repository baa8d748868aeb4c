import Foundations
import NeuralNetworks

/// How fast windows are computed on this machine.
package struct PredictionSpeed: Sendable {
    /// Median over some blocks.
    package let secondsPerWindow: Double

    /// Measures a predictor on blocks of noise for about a second.
    package init(measuring predictor: WindowPredictor) throws {
        let (tile, step) = (predictor.tile, predictor.settings.stride)
        // As many windows as the blocks of an image have, but few enough to be fast.
        let count = min((predictor.largestSide(pixelsRead: 1) - tile) / step + 1, 32)
        let side = tile + (count - 1) * step
        let noise = (0..<side * side * 3).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
        let corners = (0..<count * count).map { (x: $0 % count * step, y: $0 / count * step) }
        var seconds = [Double]()
        try noise.withUnsafeBytes { bytes in
            let block = BlockWindows(bytes: bytes, width: side, height: side, corners: corners)
            // The first block also pays for new memory.
            try predictor.computeLogits(of: block) { _ in }
            let start = ContinuousClock.now
            repeat {
                let blockStart = ContinuousClock.now
                try predictor.computeLogits(of: block) { _ in }
                seconds.append(blockStart.secondsSince)
            } while start.secondsSince < 1 && seconds.count < 25
        }
        secondsPerWindow = seconds.sorted()[seconds.count / 2] / Double(corners.count)
    }
}
