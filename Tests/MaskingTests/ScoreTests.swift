import Imaging
import Masking
import Tensors
import Testing

/// Scores of masks against a naive twin and by hand.
@Suite struct ScoreTests {
    private func image(_ rows: String...) -> LabelImage {
        LabelImage(
            width: rows[0].count, height: rows.count,
            labels: rows.joined().map { $0 == "." ? 0 : UInt32(String($0))! })
    }

    private func metrics(_ mask: LabelImage, _ truth: LabelImage) -> MaskMetrics { MaskScore(mask, truth).metrics }

    /// The definitions, with sets of pixels and every pair of objects, in the order of `MaskMetrics.all`.
    private func naive(_ mask: LabelImage, _ truth: LabelImage) -> [Double] {
        func objects(_ image: LabelImage) -> [(label: UInt32, pixels: Set<Int>)] {
            Set(image.labels).subtracting([0]).sorted().map { label in
                (label, Set(image.labels.indices.filter { image.labels[$0] == label }))
            }
        }
        let (found, existing) = (objects(mask), objects(truth))
        func overlap(_ a: Set<Int>, _ b: Set<Int>) -> Double {
            Double(a.intersection(b).count) / Double(a.union(b).count)
        }
        let (m, t) = (Set(found.flatMap(\.pixels)), Set(existing.flatMap(\.pixels)))
        var matches = [Double]()
        var (intersection, union) = (0, 0)
        var joined = Set<UInt32>()
        for object in existing {
            let overlaps = found.map { overlap($0.pixels, object.pixels) }
            matches += overlaps.filter { $0 > 0.5 }
            if let index = overlaps.indices.max(by: { overlaps[$0] < overlaps[$1] }), overlaps[index] > 0 {
                let best = overlaps.firstIndex(of: overlaps[index])!
                intersection += found[best].pixels.intersection(object.pixels).count
                union += found[best].pixels.union(object.pixels).count
                joined.insert(found[best].label)
            } else {
                union += object.pixels.count
            }
        }
        union += found.filter { !joined.contains($0.label) }.reduce(0) { $0 + $1.pixels.count }
        let tp = Double(matches.count)
        let (fp, fn) = (Double(found.count) - tp, Double(existing.count) - tp)
        let dq = tp / (tp + fp / 2 + fn / 2)
        let sq = tp == 0 ? 0 : matches.reduce(0, +) / tp
        return [
            2 * Double(m.intersection(t).count) / Double(m.count + t.count), overlap(m, t), tp / Double(found.count),
            tp / Double(existing.count), dq, Double(intersection) / Double(union), sq, dq * sq,
            abs(Double(found.count) / Double(existing.count) - 1),
        ]
    }

    /// Rectangles at random places, later ones over earlier ones.
    private func drawn(_ random: inout SplitMix64, objects: Int) -> LabelImage {
        let (width, height) = (37, 29)
        var labels = [UInt32](repeating: 0, count: width * height)
        for _ in 0..<objects {
            let label = UInt32.random(in: 1...70_000, using: &random)
            let (left, top) = (Int.random(in: 0..<width, using: &random), Int.random(in: 0..<height, using: &random))
            for y in top..<min(height, top + Int.random(in: 1...9, using: &random)) {
                for x in left..<min(width, left + 6) { labels[y * width + x] = label }
            }
        }
        return LabelImage(width: width, height: height, labels: labels)
    }

    @Test(arguments: 0..<40) func agreesWithTheNaiveTwin(seed: UInt64) {
        var random = SplitMix64(seed: seed)
        let truth = drawn(&random, objects: Int.random(in: 1...30, using: &random))
        var mask = drawn(&random, objects: Int.random(in: 1...10, using: &random))
        // Half of the masks resemble the truth: it is moved, with other labels, under some objects.
        if seed % 2 == 0 {
            for index in mask.labels.indices.dropFirst(38) where mask.labels[index] == 0 {
                let label = truth.labels[index - (seed % 4 == 0 ? 1 : 38)]
                if label != 0 { mask.labels[index] = label + 100_000 }
            }
        }
        let (score, expected) = (metrics(mask, truth), naive(mask, truth))
        for (value, other) in zip(score.all, expected) {
            #expect(abs(value.value! - other) < 1e-12, "\(value.name), seed \(seed)")
        }
    }

    @Test func theTwinFindsMatches() {
        var random = SplitMix64(seed: 1)
        let truth = drawn(&random, objects: 20)
        #expect(naive(truth, truth) == [1, 1, 1, 1, 1, 1, 1, 1, 0])
    }

    @Test func emptyImages() {
        let (empty, full) = (image("...", "..."), image("111", "111"))
        let same = metrics(empty, empty)
        #expect(same.all.dropLast().allSatisfy { $0.value == 1 } && same.countError == nil)
        let missed = metrics(empty, full)
        #expect(missed.all.dropLast().allSatisfy { $0.value == 0 } && missed.countError == 1)
        let invented = metrics(full, empty)
        #expect(invented.all.dropLast().allSatisfy { $0.value == 0 } && invented.countError == nil)
        let all = metrics(full, full)
        #expect(all.all.dropLast().allSatisfy { $0.value == 1 } && all.countError == 0)
        #expect(MaskScore().metrics == same)
    }

    @Test func splitObject() {
        // The larger half is more than half of the object: IoU 4 / 6.
        let score = metrics(image("111122"), image("777777"))
        #expect(score.dice == 1 && score.iou == 1 && score.precision == 0.5 && score.recall == 1)
        #expect(abs(score.f1 - 2 / 3.0) < 1e-12 && abs(score.sq - 4 / 6.0) < 1e-12)
        #expect(abs(score.pq - 4 / 9.0) < 1e-12 && abs(score.aji - 4 / 8.0) < 1e-12 && score.countError == 1)
        // Halves are no match: 0.5 is not above 0.5.
        let halves = metrics(image("111222"), image("777777"))
        #expect(halves.f1 == 0 && halves.pq == 0 && halves.dice == 1 && abs(halves.aji - 3 / 9.0) < 1e-12)
    }

    @Test func mergedObjects() {
        // Both true objects are joined with the only one that is found.
        let score = metrics(image("111111"), image("334444"))
        #expect(score.dice == 1 && score.precision == 1 && score.recall == 0.5 && score.countError == 0.5)
        #expect(abs(score.aji - 6 / 12.0) < 1e-12 && abs(score.sq - 4 / 6.0) < 1e-12)
        let connected = LabelImage(width: 6, height: 1, labels: [255, 255, 0, 255, 255, 255]).nuclei
        #expect(metrics(connected, image("11.222")).pq == 1)
    }

    @Test func tiesOfTheAggregatedIndexTakeTheSmallestLabel() {
        // Both objects of the mask have an IoU of 1/4 with the true one: 1 of 4 px and 2 of 8 px.
        let (mask, truth) = (image("122...", "122222"), image("555...", "......"))
        let score = metrics(mask, truth)
        #expect(score.aji == naive(mask, truth)[5] && abs(score.aji - 1 / 11.0) < 1e-12)
    }

    /// Pooled scores are those of the images side by side.
    @Test func sums() {
        var random = SplitMix64(seed: 9)
        var (mask, truth, parts) = ([UInt32](), [UInt32](), MaskScore())
        for offset: UInt32 in [0, 100_000, 200_000] {
            let (own, other) = (drawn(&random, objects: 12), drawn(&random, objects: 12))
            mask += own.labels.map { $0 == 0 ? 0 : $0 + offset }
            truth += other.labels.map { $0 == 0 ? 0 : $0 + offset }
            parts += MaskScore(own, other)
        }
        func tall(_ labels: [UInt32]) -> LabelImage { LabelImage(width: 37, height: 3 * 29, labels: labels) }
        let whole = MaskScore(tall(mask), tall(truth)).metrics
        for (value, other) in zip(parts.metrics.all, whole.all) {
            #expect(abs(value.value! - other.value!) < 1e-12, "\(value.name)")
        }
        let mean = MaskMetrics.mean([metrics(image("1."), image("..")), metrics(image(".2"), image(".2"))])
        #expect(mean.dice == 0.5 && mean.countError == 0, "an error without a true object is left out")
    }

    /// A comparison of each object with all others would not end within the limit.
    @Test(.timeLimit(.minutes(5))) func manyObjects() {
        let (side, count) = (1000, 1_000_000)
        let truth = LabelImage(width: side, height: side, labels: Array(1...UInt32(count)))
        let mask = LabelImage(width: side, height: side, labels: truth.labels.reversed())
        #expect(MaskScore(mask, truth).matched == count)
    }
}
