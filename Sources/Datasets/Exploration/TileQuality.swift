/// What makes a tile doubtful as an example.
package enum QualityProblem: String, Codable, CaseIterable, Sendable {
    case blank
    case blurred
    case saturated
    case penMarked
}

/// From which values on a tile is remarked on. Chosen by eye on some 1500 tiles of four public sources so that false
/// alarms are rare: a tile that is not remarked on need not be perfect.
package struct QualityThresholds: Codable, Equatable, Sendable {
    /// Blank: a contrast below this, in gray levels. Pale tissue without nuclei has 2.5 and more.
    package var contrast = 2.0
    /// Blurred: edges wider than this, in pixels. Where most of a set is soft, `edgeWidth(for:)` allows for more.
    package var edgeWidth = 9.0
    /// Saturated: a larger share of clipped pixels.
    package var clippedShare = 0.05
    /// Pen-marked: a larger share of pixels with the color of ink.
    package var inkShare = 0.03

    package init() {}

    /// Thresholds for a set of tiles: a tile is blurred when its edges are wider than 9 pixels and also by three
    /// robust standard deviations (1.4826 times the median distance from the median) wider than the set's median.
    package init(for measures: [TileMeasures]) {
        let widths = measures.compactMap(\.edgeWidth)
        guard let middle = median(widths), let spread = median(widths.map { abs($0 - middle) }) else { return }
        edgeWidth = max(edgeWidth, middle + 3 * 1.4826 * spread)
    }
}

/// A tile that somebody should appearance at.
package struct QualityFinding: Codable, Equatable, Sendable {
    package let problem: QualityProblem
    /// Index of the tile.
    package let tile: Int
    /// What was measured, and the threshold that it passes.
    package let value: Double
    package let threshold: Double

    /// All findings, problem by problem, the worst tiles first. A blank tile is not examined for blur.
    static func findings(of measures: [TileMeasures], _ thresholds: QualityThresholds) -> [QualityFinding] {
        QualityProblem.allCases.flatMap { problem in
            let found = measures.indices.compactMap { index in
                finding(problem, index, measures[index], thresholds)
            }
            let isWorseWhenLarge = problem != .blank
            return found.sorted { first, second in
                if first.value == second.value { return first.tile < second.tile }
                return (first.value > second.value) == isWorseWhenLarge
            }
        }
    }

    private static func finding(
        _ problem: QualityProblem, _ tile: Int, _ measures: TileMeasures, _ thresholds: QualityThresholds
    ) -> QualityFinding? {
        let isBlank = measures.contrast < thresholds.contrast
        let (value, threshold, isFound): (Double, Double, Bool)
        switch problem {
        case .blank: (value, threshold, isFound) = (measures.contrast, thresholds.contrast, isBlank)
        case .blurred:
            let width = measures.edgeWidth ?? 0
            (value, threshold, isFound) = (width, thresholds.edgeWidth, !isBlank && width > thresholds.edgeWidth)
        case .saturated:
            (value, threshold) = (measures.clippedShare, thresholds.clippedShare)
            isFound = value > threshold
        case .penMarked:
            (value, threshold) = (measures.inkShare, thresholds.inkShare)
            isFound = value > threshold
        }
        return isFound ? QualityFinding(problem: problem, tile: tile, value: value, threshold: threshold) : nil
    }
}
