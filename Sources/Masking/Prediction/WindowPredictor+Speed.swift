import Foundations
import NeuralNetworks

extension WindowPredictor {
    /// Measures blocks of noise.
    package func measureSecondsPerUnit() throws -> Double {
        let step = settings.stride
        // As many windows as the blocks of an image have, but few enough to be fast.
        let count = min((largestSide(pixelsRead: 1) - tile) / step + 1, 32)
        let side = tile + (count - 1) * step
        let corners = (0..<count * count).map { (x: $0 % count * step, y: $0 / count * step) }
        return try secondsPerNoise(side: side) {
            try compute(BlockWindows(bytes: $0, width: side, height: side, corners: corners))
        } / Double(corners.count)
    }
}

/// The median of the seconds of computing a square of noise, measured for about a second.
func secondsPerNoise(side: Int, _ compute: (UnsafeRawBufferPointer) throws -> Void) throws -> Double {
    let noise = (0..<side * side * 3).map { UInt8(truncatingIfNeeded: ($0 &* 2_654_435_761) >> 13) }
    var seconds = [Double]()
    try noise.withUnsafeBytes { bytes in
        // The first square also pays for new memory.
        try compute(bytes)
        let start = ContinuousClock.now
        repeat {
            let squareStart = ContinuousClock.now
            try compute(bytes)
            seconds.append(squareStart.secondsSince)
        } while start.secondsSince < 1 && seconds.count < 25
    }
    return seconds.median!
}
