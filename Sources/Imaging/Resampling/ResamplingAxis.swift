/// The weights of source pixels in target pixels, along one axis.
///
/// With as many or fewer target pixels, each is the area-weighted mean of the source pixels it covers. With more,
/// values are interpolated linearly between the centers of source pixels. Weights are integers, so that sums are exact.
package struct ResamplingAxis {
    let source: Int
    let target: Int

    /// The source pixels of one target pixel.
    package struct Weights {
        let first: Int
        let count: Int
        fileprivate let firstWeight: Int
        fileprivate let innerWeight: Int
        fileprivate let lastWeight: Int

        var end: Int { first + count }
        package var pixels: Range<Int> { first..<end }

        /// The weight of source pixel `first + index`.
        package subscript(index: Int) -> Int {
            index == 0 ? firstWeight : index == count - 1 ? lastWeight : innerWeight
        }
    }

    package init(source: Int, target: Int) {
        precondition(source >= 1 && target >= 1, "\(source) px resampled to \(target) px")
        self.source = source
        self.target = target
    }

    /// The sum of the weights of every target pixel.
    var total: Int { target <= source ? source : 2 * target }

    func weights(_ pixel: Int) -> Weights {
        if target <= source {
            // The pixel covers pixel * source ... (pixel + 1) * source, where a source pixel is `target` units long.
            let (start, end) = (pixel * source, (pixel + 1) * source)
            let (first, last) = (start / target, (end - 1) / target)
            return Weights(
                first: first, count: last - first + 1, firstWeight: min(end, (first + 1) * target) - start,
                innerWeight: target, lastWeight: end - last * target)
        }
        // The distance of its center from the center of source pixel 0, where a source pixel is 2 * target units long.
        let distance = max(0, (2 * pixel + 1) * source - target)
        let (first, rest) = distance.quotientAndRemainder(dividingBy: 2 * target)
        let isBetween = rest > 0 && first < source - 1
        return Weights(
            first: min(first, source - 1), count: isBetween ? 2 : 1,
            firstWeight: isBetween ? 2 * target - rest : 2 * target,
            innerWeight: 0, lastWeight: rest)
    }

    /// All source pixels of a range of target pixels.
    func pixels(_ range: Range<Int>) -> Range<Int> {
        weights(range.lowerBound).first..<weights(range.upperBound - 1).end
    }

    /// The source pixel under the center of a target pixel.
    package func center(_ pixel: Int) -> Int { (2 * pixel + 1) * source / (2 * target) }

    /// The source pixels of one target pixel for values that cannot be averaged, weighted by the length of each that the
    /// target pixel covers. With more target pixels, it is the one under the center.
    package func cover(_ pixel: Int) -> Weights {
        target <= source
            ? weights(pixel)
            : Weights(first: center(pixel), count: 1, firstWeight: 1, innerWeight: 0, lastWeight: 1)
    }

    /// The target pixels that depend on a range of source pixels.
    func touched(_ range: Range<Int>) -> Range<Int> {
        let from = max(0, (range.lowerBound - 1) * target / source - 1)
        let to = min(target, ((range.upperBound + 1) * target + source - 1) / source + 1)
        let hit = (from..<to).filter { pixel in
            let weights = weights(pixel)
            return weights.first < range.upperBound && weights.end > range.lowerBound
        }
        guard let first = hit.first, let last = hit.last else { return 0..<0 }
        return first..<last + 1
    }
}

/// Rows of RGB pixels summed over the columns of each target pixel.
struct ColumnSums {
    private let columns: [ResamplingAxis.Weights]

    /// `pixels` are the target pixels.
    init(_ axis: ResamplingAxis, pixels: Range<Int>) { columns = pixels.map { axis.weights($0) } }

    /// Bytes of a row of target pixels.
    var count: Int { 3 * columns.count }

    /// Sums one row. `row` begins at source pixel `start`; `sums` has `count` elements.
    func sum(_ row: Span<UInt8>, from start: Int, into sums: inout [UInt64]) {
        precondition(sums.count == count)
        var sums = sums.mutableSpan
        for (index, weights) in columns.enumerated() {
            let first = 3 * (weights.first - start)
            let last = first + 3 * (weights.count - 1)
            precondition(first >= 0 && last + 3 <= row.count)
            var (red, green, blue): (UInt64, UInt64, UInt64) = (0, 0, 0)
            var pixel = first + 3
            while pixel < last {
                red += UInt64(row[unchecked: pixel])
                green += UInt64(row[unchecked: pixel + 1])
                blue += UInt64(row[unchecked: pixel + 2])
                pixel += 3
            }
            let inner = UInt64(weights.innerWeight)
            (red, green, blue) = (red * inner, green * inner, blue * inner)
            func add(_ pixel: Int, _ weight: Int) {
                red += UInt64(weight) * UInt64(row[unchecked: pixel])
                green += UInt64(weight) * UInt64(row[unchecked: pixel + 1])
                blue += UInt64(weight) * UInt64(row[unchecked: pixel + 2])
            }
            add(first, weights.firstWeight)
            if weights.count > 1 { add(last, weights.lastWeight) }
            sums[unchecked: 3 * index] = red
            sums[unchecked: 3 * index + 1] = green
            sums[unchecked: 3 * index + 2] = blue
        }
    }
}

/// Weighted means of rows of `ColumnSums`, rounded half up. Sums are at most 255 times the sum of all weights and must fit
/// in 64 bits.
struct RowSums {
    private var sums: [UInt64]

    init(count: Int) { sums = [UInt64](repeating: 0, count: count) }

    mutating func clear() { for i in sums.indices { sums[i] = 0 } }

    mutating func add(_ row: Span<UInt64>, weight: Int) {
        precondition(row.count == sums.count)
        let weight = UInt64(weight)
        var sums = sums.mutableSpan
        for i in row.indices { sums[unchecked: i] &+= weight &* row[unchecked: i] }
    }

    /// Writes the means as bytes from `offset` on. `total` is the sum of all weights.
    func writeMeans(_ total: UInt64, to bytes: inout MutableRawSpan, at offset: Int = 0) {
        precondition(offset >= 0 && bytes.byteCount - offset >= sums.count)
        let sums = sums.span
        for i in sums.indices {
            let mean = UInt8(truncatingIfNeeded: (sums[unchecked: i] + total / 2) / total)
            bytes.storeBytes(of: mean, toUncheckedByteOffset: offset + i, as: UInt8.self)
        }
    }
}
