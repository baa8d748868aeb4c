import Foundations

/// A quality problem of a tile.
package enum QualityProblem: String, Codable, CaseIterable, Sendable {
    case blank
    case blurred
    case saturated
    case penMarked
}

/// The thresholds beyond which a tile is reported.
///
/// They were chosen by eye on about 1500 tiles of four public sources, so that false alarms are rare. Tiles that are not
/// reported may still have problems.
package struct QualityThresholds: Codable, Equatable, Sendable {
    /// The least contrast in gray levels; tiles below it are blank. Pale tissue without nuclei has 2.5 or more.
    package var contrast = 2.0
    /// The largest edge width in pixels; tiles above it are blurred. It is larger for sets of mostly soft tiles.
    package var edgeWidth = 9.0
    /// The largest share of clipped pixels; tiles above it are saturated.
    package var clippedShare = 0.05
    /// The largest share of ink; tiles above it are pen-marked.
    package var inkShare = 0.03

    package init() {}

    /// The thresholds for a set of tiles. Edges of blurred tiles are wider than 9 pixels, and also wider than the median
    /// of the set by three robust standard deviations (1.4826 times the median distance from the median).
    package init(for measures: [TileMeasures]) {
        let widths = measures.compactMap(\.edgeWidth)
        guard let middle = widths.median, let spread = widths.map({ abs($0 - middle) }).median else { return }
        edgeWidth = max(edgeWidth, middle + 3 * 1.4826 * spread)
    }
}

/// A quality problem that was found in a tile.
package struct QualityFinding: Codable, Equatable, Sendable {
    package let problem: QualityProblem
    /// The index of the tile.
    package let tile: Int
    /// The measured value, which is beyond the threshold.
    package let value: Double
    package let threshold: Double

    /// All findings, by problem, with the worst tiles first. Blank tiles are not checked for blur.
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
