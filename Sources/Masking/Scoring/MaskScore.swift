import Imaging

/// Sums from which the agreement of masks with the truth is computed. The sums of several images are those of one image
/// that shows them side by side.
package struct MaskScore: Equatable, Sendable {
    /// Pixels of objects.
    package private(set) var maskPixels = 0
    package private(set) var truthPixels = 0
    package private(set) var commonPixels = 0
    /// Objects of the mask, of the truth, and pairs of them that match.
    package private(set) var found = 0
    package private(set) var existing = 0
    package private(set) var matched = 0
    /// Sum of the intersection over union of the pairs that match.
    private var matchedOverlap = 0.0
    /// Numerator and denominator of the aggregated Jaccard index.
    private var aggregatedIntersection = 0
    private var aggregatedUnion = 0

    /// The score of no image.
    package init() {}

    /// The score of a mask. Both images have the same size; their labels are objects, as of `LabelImage.nuclei`.
    ///
    /// Two objects match if their intersection over union is above 0.5: an object then has one match at most, so that no
    /// rule for ties is needed.
    package init(_ mask: LabelImage, _ truth: LabelImage) {
        let overlaps = LabelOverlaps(mask, truth)
        maskPixels = overlaps.mask.values.reduce(0, +)
        truthPixels = overlaps.truth.values.reduce(0, +)
        commonPixels = overlaps.pairs.reduce(0) { $0 + $1.intersection }
        (found, existing) = (overlaps.mask.count, overlaps.truth.count)
        for pair in overlaps.pairs where pair.isMatch {
            matched += 1
            matchedOverlap += pair.intersectionOverUnion
        }
        aggregate(overlaps)
    }

    /// Sums for the aggregated Jaccard index (Kumar et al., A Dataset and a Technique for Generalized Nuclear Segmentation,
    /// 2017, Algorithm 1): each object of the truth is joined with the one of the mask with the largest intersection over
    /// union, the one with the smallest label where several have it; an object of the mask may be joined several times.
    private mutating func aggregate(_ overlaps: LabelOverlaps) {
        var best = [UInt32: LabelOverlaps.Pair]()
        for pair in overlaps.pairs {
            guard let other = best[pair.truth], pair.intersection * other.union <= other.intersection * pair.union
            else {
                best[pair.truth] = pair
                continue
            }
        }
        aggregatedIntersection = best.values.reduce(0) { $0 + $1.intersection }
        let joined = Set(best.values.map(\.mask))
        aggregatedUnion =
            best.values.reduce(0) { $0 + $1.union }
            + overlaps.truth.reduce(0) { best[$1.key] == nil ? $0 + $1.value : $0 }
            + overlaps.mask.reduce(0) { joined.contains($1.key) ? $0 : $0 + $1.value }
    }

    package static func += (sum: inout MaskScore, other: MaskScore) {
        sum.maskPixels += other.maskPixels
        sum.truthPixels += other.truthPixels
        sum.commonPixels += other.commonPixels
        sum.found += other.found
        sum.existing += other.existing
        sum.matched += other.matched
        sum.matchedOverlap += other.matchedOverlap
        sum.aggregatedIntersection += other.aggregatedIntersection
        sum.aggregatedUnion += other.aggregatedUnion
    }

    package var metrics: MaskMetrics {
        let (pixels, objects) = (maskPixels + truthPixels, found + existing)
        /// Two empty images agree.
        func share(_ part: Double, _ whole: Int, _ all: Int) -> Double {
            whole > 0 ? part / Double(whole) : all == 0 ? 1 : 0
        }
        func share(_ part: Int, _ whole: Int, _ all: Int) -> Double { share(Double(part), whole, all) }
        let f1 = share(2 * matched, objects, objects)
        let segmentationQuality = share(matchedOverlap, matched, objects)
        return MaskMetrics(
            dice: share(2 * commonPixels, pixels, pixels),
            iou: share(commonPixels, pixels - commonPixels, pixels),
            precision: share(matched, found, objects),
            recall: share(matched, existing, objects),
            f1: f1,
            aji: share(aggregatedIntersection, aggregatedUnion, aggregatedUnion),
            sq: segmentationQuality,
            pq: f1 * segmentationQuality,
            countError: existing > 0 ? abs(Double(found - existing)) / Double(existing) : nil)
    }
}
