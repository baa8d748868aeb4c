import Datasets
import Testing
import Training

struct PseudoLabelingTests {
    private func tiles(_ count: Int) -> [Tile] {
        (0..<count).map { Tile(filename: "\($0)", label: nil, group: nil, fingerprint: UInt64($0)) }
    }

    /// Rows of probabilities from the probabilities of NUCLEI.
    private func rows(_ nuclei: [Double]) -> [[Double]] { nuclei.map { [1 - $0, $0] } }

    private func settings(shift: Double) -> PseudoLabeling {
        var settings = PseudoLabeling()
        settings.largestShift = shift
        return settings
    }

    @Test func confidentTilesAreKept() {
        let labels = settings(shift: 1).select(
            cycle: 2, tiles: tiles(5), probabilities: rows([0.99, 0.95, 0.9499, 0.02, 0.5]), given: [10, 10])
        #expect(labels.map(\.verdict) == [.kept, .kept, .unsure, .kept, .unsure])
        #expect(labels.map(\.label) == [.nuclei, .nuclei, .nuclei, .noNucleus, labels[4].label])
        #expect(labels.map(\.cycle) == [2, 2, 2, 2, 2])
        #expect(labels.map(\.filename) == ["0", "1", "2", "3", "4"])
        #expect(labels[3].confidence == 0.98)
    }

    @Test func classSharesAreLimited() {
        // 60 NUCLEI of 100 may become 65 %: 14 of 114 more are 64.9 %, 15 of 115 would be 65.2 %.
        let sure = (0..<50).map { 0.96 + Double($0 * 7 % 50) / 2000 }
        let labels = settings(shift: 0.05).select(
            cycle: 1, tiles: tiles(50), probabilities: rows(sure), given: [40, 60])
        let kept = labels.filter { $0.verdict == .kept }
        #expect(kept.count == 14)
        #expect(labels.count { $0.verdict == .classIsFull } == 36)
        let lowest = kept.map(\.confidence).min()!
        #expect(
            labels.filter { $0.verdict == .classIsFull }.allSatisfy { $0.confidence < lowest },
            "the most confident are kept")
        // Accepted tiles of the other class raise the limit.
        let mixed = settings(shift: 0.05).select(
            cycle: 1, tiles: tiles(70), probabilities: rows(sure + Array(repeating: 0.01, count: 20)), given: [40, 60])
        let nuclei = mixed.count { $0.verdict == .kept && $0.label == .nuclei }
        #expect(mixed.count { $0.verdict == .kept && $0.label == .noNucleus } == 20)
        #expect(nuclei == 50 && Double(60 + nuclei) / Double(120 + nuclei) <= 0.65)
    }

    @Test func aShiftOfZeroKeepsTheShares() {
        let labels = settings(shift: 0).select(
            cycle: 1, tiles: tiles(30),
            probabilities: rows(Array(repeating: 0.99, count: 20) + Array(repeating: 0.01, count: 10)), given: [10, 10])
        #expect(labels.count { $0.verdict == .kept && $0.label == .nuclei } == 10)
        #expect(labels.count { $0.verdict == .kept && $0.label == .noNucleus } == 10)
    }
}
