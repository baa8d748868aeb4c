/// The width in pixels of the typical steep edge of a square image; nil where no window has a range of `smallestEdge`
/// gray levels.
///
/// In each window of 32 x 32 pixels, the width is the range of the luminance divided by its steepest slope. The result
/// is the lower quartile of the windows with a strong range. Smoothing over 3 x 3 pixels reduces the influence of noise.
///
/// A sharp step is 2 to 3 pixels wide, and one blurred by a Gaussian of sigma s about 2.5 s. Unlike the variance of the
/// Laplacian, this measure does not mistake pale tiles, or tiles with few nuclei, for blurred ones.
func edgeWidth(_ luminance: [Float], side: Int) -> Double? {
    let cell = 16
    let cells = side / cell
    let smooth = smoothed(luminance, side: side)
    var low = [Float](repeating: .infinity, count: cells * cells)
    var high = [Float](repeating: -.infinity, count: cells * cells)
    var steepest = [Float](repeating: 0, count: cells * cells)
    for y in 0..<side {
        for x in 0..<side {
            let (place, index) = (y * side + x, min(y / cell, cells - 1) * cells + min(x / cell, cells - 1))
            let value = smooth[place]
            low[index] = min(low[index], value)
            high[index] = max(high[index], value)
            guard x > 0, y > 0, x < side - 1, y < side - 1 else { continue }
            let (dx, dy) = (smooth[place + 1] - smooth[place - 1], smooth[place + side] - smooth[place - side])
            steepest[index] = max(steepest[index], (dx * dx + dy * dy) / 4)
        }
    }
    var windows = [(range: Float, width: Float)]()
    for y in 0..<cells - 1 {
        for x in 0..<cells - 1 {
            let four = [y * cells + x, y * cells + x + 1, (y + 1) * cells + x, (y + 1) * cells + x + 1]
            let range = four.map { high[$0] }.max()! - four.map { low[$0] }.min()!
            let slope = four.map { steepest[$0] }.max()!.squareRoot()
            if range >= smallestEdge, slope > 0 { windows.append((range, range / slope)) }
        }
    }
    guard !windows.isEmpty else { return nil }
    // Windows on strong structures have at least 0.7 of the range that the strongest tenth reaches.
    let ranges = windows.map(\.range).sorted()
    let strong = 0.7 * ranges[ranges.count - 1 - ranges.count / 10]
    let widths = windows.filter { $0.range >= strong }.map(\.width).sorted()
    return Double(widths[widths.count / 4])
}

/// The smallest range, in gray levels, of an edge that is measured. The noise of a flat tile is below it.
private let smallestEdge: Float = 16

/// Means over 3 x 3 pixels, with the border pixels repeated outwards.
private func smoothed(_ image: [Float], side: Int) -> [Float] {
    var rows = image
    for y in 0..<side {
        for x in 0..<side {
            let (left, right) = (max(x - 1, 0), min(x + 1, side - 1))
            rows[y * side + x] = image[y * side + left] + image[y * side + x] + image[y * side + right]
        }
    }
    var result = rows
    for y in 0..<side {
        let (above, below) = (max(y - 1, 0) * side, min(y + 1, side - 1) * side)
        for x in 0..<side { result[y * side + x] = (rows[above + x] + rows[y * side + x] + rows[below + x]) / 9 }
    }
    return result
}
