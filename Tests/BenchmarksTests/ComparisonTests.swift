import Benchmarks
import Testing

struct ComparisonTests {
    private let calm = [0.0198, 0.0199, 0.02, 0.0201, 0.0202]

    private func verdict(_ old: BenchmarkResult, _ new: BenchmarkResult) -> Comparison.Verdict {
        Comparison(old: report([old]), new: report([new])).rows[0].verdict
    }

    @Test func changesBeyondTheNoiseAreMarked() {
        let before = result(calm)
        #expect(verdict(before, before) == .same)
        #expect(verdict(before, result(calm.map { $0 * 0.8 })) == .faster)
        #expect(verdict(before, result(calm.map { $0 * 1.3 })) == .slower)
        #expect(verdict(before, result(calm.map { $0 * 1.01 })) == .same)
        let row = Comparison(old: report([before]), new: report([result(calm.map { $0 / 2 })])).rows[0]
        #expect(abs(row.ratio - 2) < 1e-9 && abs(row.adjustedRatio - 2) < 1e-9)
    }

    @Test func aSlowerMachineDoesNotMakeKernelsSlower() {
        let slow = result(calm.map { $0 * 2 }, peak: 0.5e11, bytes: 0.5e10)
        let comparison = Comparison(old: report([result(calm)]), new: report([slow]))
        #expect(abs(comparison.rows[0].ratio - 0.5) < 1e-9 && abs(comparison.rows[0].adjustedRatio - 1) < 1e-9)
        #expect(comparison.rows[0].verdict == .same)
    }

    @Test func roundsThatOthersDisturbedAreNoChange() {
        // All rounds but one were slow.
        let disturbed = result([0.0199, 0.04, 0.05, 0.06, 0.07])
        #expect(verdict(result(calm), disturbed) == .same)
        #expect(verdict(disturbed, result(calm)) == .same)
    }

    @Test func choicesAndMissingResultsAreTold() {
        let old = report([
            result(calm), result(algorithm: "im2col", isPreferred: false, calm), result(of: operation("gone"), calm),
        ])
        let new = report(
            [
                result(isPreferred: false, calm), result(algorithm: "im2col", calm), result(threads: 1, calm),
            ], processor: "another")
        let comparison = Comparison(old: old, new: new)
        #expect(comparison.rows.count == 2)
        #expect(comparison.onlyOld.map(\.layer) == ["gone"] && comparison.onlyNew.map(\.threads) == [1])
        #expect(comparison.choices.map(\.new.algorithm) == ["im2col"])
        let text = comparison.text
        #expect(text.contains("different processors: cpu before, another now"))
        #expect(text.contains("default for net convolution conv, 2 threads: direct before, im2col now"))
        #expect(text.contains("not measured now: 1 result from before"))
    }
}
