/// Share of a tile whose color is that of a marker pen, which hematoxylin and eosin do not have.
///
/// `blocks` are the means of 64 x 64 blocks of 4 x 4 pixels, interleaved RGB: single pixels at the edges of nuclei have
/// odd colors. Three kinds of ink are known:
/// - green and blue, where red is the weakest channel by far (hematoxylin keeps red above green);
/// - red, where red is bright and 2.5 times green and blue (eosin and blood keep more of both);
/// - black, where all channels are dark and alike over 16 x 16 pixels at once (nuclei are smaller, or more blue).
///   Exactly 0 is no ink, but what scanners put outside the slide.
func inkShare(_ blocks: [Float]) -> Double {
    let side = MeasuredTile.luminanceSide
    var isInk = [Bool](repeating: false, count: side * side)
    var isBlack = isInk
    for index in isInk.indices {
        let (red, green, blue) = (blocks[3 * index], blocks[3 * index + 1], blocks[3 * index + 2])
        let (low, high) = (min(red, green, blue), max(red, green, blue))
        let isCold = green >= red + 10 && max(green, blue) >= red + 45
        isInk[index] = isCold || red >= 140 && red >= 2.5 * max(green, blue)
        isBlack[index] = high > 0 && high < 45 && high - low < 25
    }
    let square = 4
    for y in stride(from: 0, to: side, by: square) {
        for x in stride(from: 0, to: side, by: square) {
            let places = (0..<square * square).map { (y + $0 / square) * side + x + $0 % square }
            if places.allSatisfy({ isBlack[$0] }) { places.forEach { isInk[$0] = true } }
        }
    }
    return Double(isInk.count { $0 }) / Double(isInk.count)
}
