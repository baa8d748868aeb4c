import Foundations
import Testing

struct StatisticsTests {
    /// The cut with the largest variance between classes, by the definition.
    private func bestCut(_ histogram: [Int]) -> (index: Int, isUnique: Bool)? {
        func moments(_ range: Range<Int>) -> (count: Double, mean: Double) {
            let count = histogram[range].reduce(0, +)
            let sum = range.reduce(0) { $0 + $1 * histogram[$1] }
            return (Double(count), count > 0 ? Double(sum) / Double(count) : 0)
        }
        var cuts = [(index: Int, variance: Double)]()
        for index in histogram.indices.dropLast() {
            let (lower, upper) = (moments(0..<index + 1), moments(index + 1..<histogram.count))
            guard lower.count > 0, upper.count > 0 else { continue }
            cuts.append((index, lower.count * upper.count * (lower.mean - upper.mean) * (lower.mean - upper.mean)))
        }
        guard let best = cuts.map(\.variance).max() else { return nil }
        let close = cuts.filter { $0.variance >= best * (1 - 1e-9) }
        let isOnePlateau = (close[0].index..<close[close.count - 1].index).allSatisfy { histogram[$0 + 1] == 0 }
        return (close[0].index, isOnePlateau)
    }

    @Test func otsuAgreesWithItsDefinition() {
        var state: UInt64 = 1
        func random(_ count: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int(state >> 33) % count
        }
        var compared = 0
        for round in 0..<300 {
            var histogram = [Int](repeating: 0, count: [8, 64, 256][round % 3])
            for _ in 0..<random(400) + 2 { histogram[random(1 + random(histogram.count))] += 1 + random(50) }
            guard let expected = bestCut(histogram), expected.isUnique else { continue }
            compared += 1
            #expect(otsuThreshold(histogram) == expected.index, "\(histogram)")
        }
        #expect(compared > 250)
    }

    @Test func otsuOfFewClasses() {
        #expect(otsuThreshold([]) == nil && otsuThreshold([0, 0]) == nil)
        #expect(otsuThreshold([0, 0, 5, 0, 0, 0, 7, 0]) == 2, "the lowest of equal cuts")
        #expect(otsuThreshold([0, 0, 0, 9]) == 0, "one value")
    }

    @Test func largestElement() {
        #expect([Int]().argmax == nil && [3].argmax == 0)
        #expect([1, 5, 2, 5].argmax == 1 && [-1.0, -3, -0.5].argmax == 2)
        #expect([9, 1, 2, 8, 3][1...3].argmax == 2, "counted from the start of the slice")
    }

    @Test func disjointSets() {
        var sets = UnionFind(count: 5)
        #expect((0..<5).allSatisfy { sets.root(of: $0) == $0 })
        sets.attach(3, to: 1)
        sets.attach(1, to: 4)
        #expect([1, 3, 4].allSatisfy { sets.root(of: $0) == 4 } && sets.root(of: 0) == 0 && sets.root(of: 2) == 2)
        #expect(sets.append() == 5 && sets.root(of: 5) == 5)
        sets.attach(sets.root(of: 5), to: sets.root(of: 3))
        #expect(sets.root(of: 5) == 4)
        sets.reset(5)
        #expect(sets.root(of: 5) == 5 && sets.root(of: 3) == 4)
    }

    @Test func joinedSets() {
        var sets = UnionFind(count: 6)
        #expect(sets.join(5, 3) == 3 && sets.join(4, 2) == 2 && sets.join(5, 4) == 2 && sets.join(3, 2) == 2)
        #expect((0..<6).map { sets.root(of: $0) } == [0, 1, 2, 2, 2, 2] && sets.count == 6)
    }

    /// The authors' test vectors.
    @Test(arguments: [("", "cbf29ce484222325"), ("a", "af63dc4c8601ec8c"), ("foobar", "85944171f73967e8")])
    func fnv1a(_ text: String, _ expected: String) {
        var hash = FNV1a()
        hash.add(text)
        #expect(hash.hexadecimal == expected && hash.value == UInt64(expected, radix: 16))
    }

    @Test func fnv1aOfWords() {
        var (words, other) = (FNV1a(), FNV1a())
        words.add(0x61)
        #expect(words.hexadecimal == "af63dc4c8601ec8c", "a word below 256 counts as a byte")
        other.add(1 << 63)
        #expect(words.value != other.value)
        for index in 0..<200 {
            other.add(UInt64(index))
            #expect(other.hexadecimal.utf8.count == 16 && UInt64(other.hexadecimal, radix: 16) == other.value)
        }
    }
}
