import Foundations
import Tensors

/// Everything that can be said about a data set without training: what is in it, and what a careful person would appearance
/// into before trusting a score on it. Depends on the data set and the split's settings only.
package struct Exploration: Codable, Equatable, Sendable {
    /// A tile in the order of the data set; findings name tiles by their index here.
    package struct Entry: Codable, Equatable, Sendable {
        package let filename: String
        /// "NUCLEI" or "NO_NUCLEUS"; nil: unlabeled.
        package let label: String?
        package let group: String?
        /// nil: left out, or there is no split.
        package let part: SplitPart?
        package let measures: TileMeasures
    }

    package let dataset: String
    package let counts: ClassCounts
    package let hasGroups: Bool
    package let groups: [GroupSummary]
    package let split: SplitSummary
    package let pixels: [PixelStatistics]
    package let components: PrincipalComponents
    package let thresholds: QualityThresholds
    package let quality: [QualityFinding]
    package let duplicates: Duplicates
    package let baseline: SimpleBaseline?
    package let findings: [DatasetFinding]
    package let tiles: [Entry]

    /// How many principal components are found.
    static let componentCount = 4

    /// The stages of the work, which takes seconds for thousands of tiles.
    package enum Stage: String, Sendable {
        case measuring = "measure"
        case comparing = "compare"
    }

    /// Explores a data set on some threads; the result does not depend on their number. `afterEach` is told how many
    /// tiles a stage has done, and may throw to stop; one thread at a time calls it. Throws when there is no tile.
    package init(
        _ set: TileSet, _ settings: Split.Settings, threads: Int,
        afterEach: @Sendable (Stage, Int) throws -> Void = { _, _ in }
    ) throws {
        guard !set.tiles.isEmpty else { throw FileError(set.path, expected: "tiles to explore", found: "none") }
        let measured = try set.measured(threads: threads) { try afterEach(.measuring, $0) }
        let measures = measured.map(\.measures)
        let split = SplitSummary.summarize(set, settings)
        let thresholds = QualityThresholds(for: measures)
        let quality = QualityFinding.findings(of: measures, thresholds)
        let blank = Set(quality.filter { $0.problem == .blank }.map(\.tile))
        let near = try NearDuplicate.find(among: measured, set.tiles, leavingOut: blank, threads: threads) {
            try afterEach(.comparing, $0)
        }
        dataset = set.path.string
        counts = ClassCounts(set.tiles.map(\.label))
        hasGroups = set.hasGroups
        groups = set.hasGroups ? GroupSummary.summaries(of: set.tiles, measures) : []
        pixels = try PixelStatistics.byClass(set)
        components = try PrincipalComponents(of: measured.map(\.thumbnail), count: Self.componentCount) {
            try afterEach(.comparing, set.tiles.count)
        }
        self.split = split.summary
        self.thresholds = thresholds
        self.quality = quality
        duplicates = Duplicates(near, set.tiles, split.parts)
        baseline = SimpleBaseline(set.tiles, measures)
        tiles = zip(zip(set.tiles, measures), split.parts).map { pair, part in
            Entry(
                filename: pair.0.filename, label: pair.0.label?.name, group: pair.0.group, part: part,
                measures: pair.1)
        }
        findings = DatasetFinding.findings(
            counts, groups, self.split, quality, duplicates, baseline, labels: set.tiles.map(\.label))
    }
}
