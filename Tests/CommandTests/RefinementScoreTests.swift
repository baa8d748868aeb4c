import Foundation
import Foundations
import Imaging
import Testing

/// Agreement of masks with annotated crops, with and without refinement.
struct RefinementScoreTests {
    private static let crops = ProcessInfo.processInfo.environment["NUCLEI_DATA"].map { $0 + "/crops" }

    /// Dice coefficient and intersection over union.
    private func score(_ mask: [Bool], _ truth: [Bool]) -> (dice: Double, iou: Double) {
        let both = Double(zip(mask, truth).count { $0 && $1 })
        let sum = Double(mask.count { $0 } + truth.count { $0 })
        return (sum == 0 ? 1 : 2 * both / sum, sum == 0 ? 1 : both / (sum - both))
    }

    @Test func scoresAreKnownForKnownMasks() {
        let (a, b) = ([true, true, false, false], [true, false, true, false])
        #expect(score(a, b).dice == 0.5 && abs(score(a, b).iou - 1.0 / 3) < 1e-12)
        #expect(score(a, a).dice == 1 && score(a, a.map { !$0 }).iou == 0)
    }

    @Test(.enabled(if: crops != nil, "no crops: set NUCLEI_DATA to a folder with crops/"))
    func refinementFitsTheTruthBetter() throws {
        let folder = try #require(Self.crops)
        let work = try WorkFolder()
        func white(_ path: String) throws -> [Bool] {
            let image = try RGBImage(decoding: FilePath(path))
            return stride(from: 0, to: image.pixels.count, by: 3).map { image.pixels[$0] > 127 }
        }
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        var lines = [String]()
        var sums = [0.0, 0, 0, 0]
        for name in names where !name.contains("_truth") {
            let base = (name as NSString).deletingPathExtension
            guard names.contains("\(base)_truth.png") else { continue }
            let truth = try white("\(folder)/\(base)_truth.png")
            var scores = [Double]()
            for more in [[], ["--refine", "hematoxylin"]] {
                let result = try Command.mask.start(
                    ["\(folder)/\(name)", "--stride", "64", "--output", "mask.png"] + more, in: work.path
                ).wait()
                try #require(result.status == 0, "\(result)")
                let (dice, iou) = score(try white("\(work.path)/mask.png"), truth)
                scores += [dice, iou]
            }
            for (index, value) in scores.enumerated() { sums[index] += value }
            lines.append(base + scores.map { String(format: "  %.3f", $0) }.joined())
        }
        try #require(!lines.isEmpty)
        let means = sums.map { $0 / Double(lines.count) }
        lines.append("mean" + means.map { String(format: "  %.3f", $0) }.joined())
        print("Dice and IoU of the mask, then of the refined one:\n" + lines.joined(separator: "\n"))
        #expect(means[2] > 0.7 && means[2] > means[0] + 0.2)
    }
}
