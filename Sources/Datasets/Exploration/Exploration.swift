import Foundations
import Tensors

/// A description of a data set before training: its contents, and possible problems to check before trusting a score.
///
/// Depends on the data set and on the settings of the split only.
package struct Exploration: Codable, Equatable, Sendable {
    /// A tile of the data set.
    package struct Entry: Codable, Equatable, Sendable {
        package let filename: String
        /// "NUCLEI" or "NO_NUCLEUS"; nil for an unlabeled tile.
        package let label: String?
        package let group: String?
        /// Nil where the tile is in no part, or the data set cannot be split.
        package let part: SplitPart?
        /// Microns per pixel of the file; nil where unknown.
        package let micronsPerPixel: Double?
        /// Nuclei with a pixel in the tile, and the share of the tile that they cover. Nil without outlines.
        package let nuclei: Int?
        package let nuclearShare: Double?
        package let measures: TileMeasures
    }

    /// The folder of the data set.
    package let dataset: String
    package let counts: ClassCounts
    package let hasGroups: Bool
    package let groups: [GroupSummary]
    package let split: SplitSummary
    /// Nil where no tile has outlines.
    package let outlines: OutlineSummary?
    /// Nil where no resolution is known.
    package let resolutions: [ResolutionCount]?
    package let pixels: [PixelStatistics]
    package let components: PrincipalComponents
    package let thresholds: QualityThresholds
    package let quality: [QualityFinding]
    package let duplicates: Duplicates
    /// Nil where the groups do not suffice for a cross-validation.
    package let baseline: SimpleBaseline?
    package let findings: [DatasetFinding]
    /// All tiles in the order of the data set. The other properties refer to tiles by their index here.
    package let tiles: [Entry]

    /// The number of principal components.
    static let componentCount = 4

    /// A stage of the work, for progress bars. The work takes seconds for thousands of tiles.
    package enum Stage: String, Sendable {
        case measuring = "measure"
        case comparing = "compare"
    }

    /// Explores a data set on `threads` threads. The result does not depend on their number.
    ///
    /// `afterEach` receives the number of tiles that a stage has finished, from one thread at a time. An error that it
    /// throws stops the work. Throws `FileError` for a set without tiles.
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
        let near = try NearDuplicate.find(among: measured, set.tiles, excluding: blank, threads: threads) {
            try afterEach(.comparing, $0)
        }
        dataset = set.path.string
        counts = ClassCounts(set.tiles.map(\.label))
        hasGroups = set.hasGroups
        groups = set.hasGroups ? GroupSummary.summaries(of: set.tiles, measures) : []
        outlines = OutlineSummary(set.tiles)
        resolutions = ResolutionCount.counts(of: set.tiles)
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
                micronsPerPixel: pair.0.micronsPerPixel, nuclei: pair.0.outlines?.nuclei,
                nuclearShare: pair.0.outlines?.areaShare, measures: pair.1)
        }
        findings = DatasetFinding.all(counts, groups, self.split, quality, duplicates, baseline, set.tiles)
    }
}
