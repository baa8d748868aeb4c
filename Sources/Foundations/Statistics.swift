/// Otsu's threshold: the index whose cut of a histogram separates two classes with the largest variance between them.
///
/// Values up to and including the index form the lower class. Of equal cuts the lowest is taken. Returns nil for an
/// empty histogram. Source: Otsu, "A threshold selection method from gray-level histograms", 1979.
package func otsuThreshold(_ histogram: [Int]) -> Int? {
    let total = Double(histogram.reduce(0, +))
    guard total > 0 else { return nil }
    let mean = histogram.enumerated().reduce(0) { $0 + Double($1.offset) * Double($1.element) }
    var (below, moment) = (0.0, 0.0)
    var (best, largest) = (0, -1.0)
    for (index, count) in histogram.enumerated() {
        below += Double(count)
        moment += Double(index) * Double(count)
        if below == 0 { continue }
        if below == total { break }
        let difference = mean * below - moment * total
        let between = difference * difference / (below * (total - below))
        if between > largest { (best, largest) = (index, between) }
    }
    return best
}

extension Collection where Element: Comparable {
    /// The offset of the largest element; the first of equal ones. Nil for an empty collection.
    package var argmax: Int? {
        var (best, position): (Element?, Int) = (nil, 0)
        for (index, element) in enumerated() where best.map({ element > $0 }) ?? true {
            (best, position) = (element, index)
        }
        return best == nil ? nil : position
    }
}

/// FNV-1a, a fast hash for detecting damage and change, not for security (Fowler, Noll, Vo).
package struct FNV1a: Sendable {
    package private(set) var value: UInt64 = 0xCBF2_9CE4_8422_2325

    package init() {}

    /// Adds a word. The original hash adds bytes; words of 64 bits are eight times as fast.
    package mutating func add(_ word: UInt64) { value = (value ^ word) &* 0x100_0000_01B3 }

    /// Adds the bytes of a text, one by one.
    package mutating func add(_ text: String) { for byte in text.utf8 { add(UInt64(byte)) } }

    /// The hash in 16 hexadecimal digits.
    package var hexadecimal: String {
        let digits = String(value, radix: 16)
        return String(repeating: "0", count: 16 - digits.count) + digits
    }
}
