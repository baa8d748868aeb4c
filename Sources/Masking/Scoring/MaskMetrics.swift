/// Agreement of a mask with the truth: shares from 0 to 1, except the count error.
///
/// Where neither has an object, they agree, and all shares are 1. Where only one has, a share of nothing is 0.
package struct MaskMetrics: Equatable, Sendable, Encodable {
    /// Dice coefficient of pixels: 2 |M and T| / (|M| + |T|).
    package var dice: Double
    /// Intersection over union of pixels.
    package var iou: Double
    /// Objects of the mask that match one of the truth, as a share of those of the mask.
    package var precision: Double
    /// The same, as a share of those of the truth.
    package var recall: Double
    /// Harmonic mean of precision and recall: the detection quality (DQ) of panoptic quality.
    package var f1: Double
    /// Aggregated Jaccard index (Kumar et al. 2017).
    package var aji: Double
    /// Segmentation quality: mean intersection over union of matching objects.
    package var sq: Double
    /// Panoptic quality, DQ x SQ (Kirillov et al., Panoptic Segmentation, 2019).
    package var pq: Double
    /// Difference of the numbers of objects, as a share of the true number; nil where that is 0.
    package var countError: Double?

    /// The names and values in the order of tables and CSV files.
    package var all: [(name: String, value: Double?)] {
        [
            ("dice", dice), ("iou", iou), ("precision", precision), ("recall", recall), ("f1", f1), ("aji", aji),
            ("sq", sq), ("pq", pq), ("count_error", countError),
        ]
    }

    /// The means over images, at least one. Count errors without a value are left out.
    package static func mean(_ metrics: [MaskMetrics]) -> MaskMetrics {
        func mean(_ value: (MaskMetrics) -> Double?) -> Double? {
            let values = metrics.compactMap(value)
            return values.isEmpty ? nil : values.reduce(0, +) / Double(values.count)
        }
        return MaskMetrics(
            dice: mean(\.dice)!, iou: mean(\.iou)!, precision: mean(\.precision)!, recall: mean(\.recall)!,
            f1: mean(\.f1)!, aji: mean(\.aji)!, sq: mean(\.sq)!, pq: mean(\.pq)!, countError: mean(\.countError))
    }
}
