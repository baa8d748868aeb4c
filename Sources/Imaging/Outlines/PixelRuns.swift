extension [Range<Int>] {
    /// The pixels of any ranges, as ascending ranges that do not touch.
    package func merged() -> [Range<Int>] {
        var merged = [Range<Int>]()
        for range in sorted(by: { $0.lowerBound < $1.lowerBound }) where !range.isEmpty {
            if let last = merged.last, last.upperBound >= range.lowerBound {
                merged[merged.count - 1] = last.lowerBound..<Swift.max(last.upperBound, range.upperBound)
            } else {
                merged.append(range)
            }
        }
        return merged
    }
}

/// Pixels of a row, as ascending ranges that do not touch.
extension [Range<Int>] {
    /// Adds pixels to the right of all others.
    package mutating func appendPixels(_ pixels: Range<Int>) {
        if let last, last.upperBound == pixels.lowerBound {
            self[count - 1] = last.lowerBound..<pixels.upperBound
        } else {
            append(pixels)
        }
    }

    /// The other pixels of a row of `width` pixels.
    package func complement(_ width: Int) -> [Range<Int>] {
        let ends = [0] + flatMap { [$0.lowerBound, $0.upperBound] } + [width]
        return stride(from: 0, to: ends.count, by: 2).map { ends[$0]..<ends[$0 + 1] }.filter { !$0.isEmpty }
    }

    package func intersection(_ other: [Range<Int>]) -> [Range<Int>] {
        var (result, i, j) = ([Range<Int>](), 0, 0)
        while i < count, j < other.count {
            let both = self[i].clamped(to: other[j])
            if !both.isEmpty { result.append(both) }
            if self[i].upperBound < other[j].upperBound { i += 1 } else { j += 1 }
        }
        return result
    }

    /// The number of pixels.
    package var pixelCount: Int { reduce(0) { $0 + $1.count } }
}
