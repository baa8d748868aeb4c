import Foundations
import NeuralNetworks

extension WindowPredictor {
    /// Measures blocks of noise.
    package func measureSecondsPerUnit() throws -> Double {
        let step = settings.stride
        // As many windows as the blocks of an image have, but few enough to be fast.
        let count = min((largestSide(pixelsRead: 1) - tile) / step + 1, 32)
        let side = tile + (count - 1) * step
        let noise = (0..<side * side * 3).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
        let corners = (0..<count * count).map { (x: $0 % count * step, y: $0 / count * step) }
        var seconds = [Double]()
        try noise.withUnsafeBytes { bytes in
            let block = BlockWindows(bytes: bytes, width: side, height: side, corners: corners)
            // The first block also pays for new memory.
            try compute(block)
            let start = ContinuousClock.now
            repeat {
                let blockStart = ContinuousClock.now
                try compute(block)
                seconds.append(blockStart.secondsSince)
            } while start.secondsSince < 1 && seconds.count < 25
        }
        return seconds.sorted()[seconds.count / 2] / Double(corners.count)
    }
}
