import Foundation
import Foundations
import TestSupport
import Testing

/// Agreement of masks with annotated crops, with and without refinement.
struct RefinementScoreTests {
    @Test(.enabled(if: RealImages.crops != nil, RealImages.missing))
    func refinementFitsTheTruthBetter() throws {
        let folder = try #require(RealImages.crops)
        let work = try WorkFolder()
        let crops = try Folder.paths(in: folder).filter { path in
            path.lowercasedExtension != "csv" && folder.appending("\(path.stem ?? "")_truth.png").exists
        }.map(\.string)
        var dice = [Double]()
        for (masks, more) in [("plain", []), ("refined", ["--refine", "hematoxylin"])] {
            let made = try Command.mask.start(
                crops + ["--stride", "64", "--output-folder", masks, "-q"] + more, in: work.path
            ).wait()
            try #require(made.status == 0, "\(made)")
            let scored = try Command.mask.run("score", masks, folder.string, "--json", in: work.path)
            try #require(scored.status == 0, "\(scored)")
            let document = try work.json(scored.output)
            #expect((document["images"] as? [Any])?.count == crops.count && scored.problems.isEmpty, "\(scored)")
            dice.append(try #require((document["mean"] as? [String: Any])?["dice"] as? Double))
        }
        print("mean Dice of the masks \(dice[0]), of the refined ones \(dice[1])")
        #expect(dice[1] > 0.7 && dice[1] > dice[0] + 0.2)
    }
}
