import Imaging

/// Areas of the objects of two label images of the same size and of their intersections, in pixels.
struct LabelOverlaps {
    /// An object of the mask and one of the truth that have pixels in common.
    struct Pair {
        let mask: UInt32
        let truth: UInt32
        let intersection: Int
        let union: Int

        /// Whether the intersection over union is above 0.5. No other pair of either object is then.
        var isMatch: Bool { 2 * intersection > union }
        var intersectionOverUnion: Double { Double(intersection) / Double(union) }
    }

    /// Area of each object.
    let mask: [UInt32: Int]
    let truth: [UInt32: Int]
    /// In the order of truth, then mask.
    let pairs: [Pair]

    /// Reads both images once, in runs of pixels with the same two labels.
    init(_ mask: LabelImage, _ truth: LabelImage) {
        precondition(mask.width == truth.width && mask.height == truth.height, "images of different sizes")
        var areas = [UInt64: Int]()
        var (current, count) = (UInt64(0), 0)
        for (label, trueLabel) in zip(mask.labels, truth.labels) {
            // Ordered by the label of the truth.
            let key = UInt64(trueLabel) << 32 | UInt64(label)
            if key == current {
                count += 1
            } else {
                areas[current, default: 0] += count
                (current, count) = (key, 1)
            }
        }
        areas[current, default: 0] += count

        func labels(_ key: UInt64) -> (truth: UInt32, mask: UInt32) {
            (UInt32(key >> 32), UInt32(truncatingIfNeeded: key))
        }
        var (maskAreas, truthAreas) = ([UInt32: Int](), [UInt32: Int]())
        for (key, area) in areas {
            let labels = labels(key)
            if labels.mask > 0 { maskAreas[labels.mask, default: 0] += area }
            if labels.truth > 0 { truthAreas[labels.truth, default: 0] += area }
        }
        (self.mask, self.truth) = (maskAreas, truthAreas)
        pairs = areas.sorted { $0.key < $1.key }.compactMap { key, area in
            let labels = labels(key)
            guard let own = maskAreas[labels.mask], let other = truthAreas[labels.truth] else { return nil }
            return Pair(mask: labels.mask, truth: labels.truth, intersection: area, union: own + other - area)
        }
    }
}
