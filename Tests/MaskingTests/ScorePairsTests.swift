import Foundations
import Masking
import TestSupport
import Testing

/// Masks and truth are paired by name.
@Suite struct ScorePairsTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func make(_ name: String, _ files: String...) throws -> FilePath {
        let path = folder.path.appending(name)
        try Folder.ensure(path)
        for file in files { try AtomicFile.write("", to: path.appending(file)) }
        return path
    }

    private func names(_ pairs: ScorePairs) -> [String] { pairs.pairs.map { "\($0.mask.name) \($0.truth.name)" } }

    @Test func wordsAtTheEndOfNames() throws {
        let masks = try make(
            "m", "a10_nuclei_mask.png", "a2-Mask.tif", "b.masks.tiff", "c_cp_masks.png", "d.png", "e_mask.png",
            "a2_nuclei_overlay.png", "a2.json", "a2.jpg", "mask.png")
        let truth = try make(
            "t", "a10_truth.png", "a2_labels.png", "b.geojson", "c_gt.png", "d.tif", "f_truth.png", "mask.tif", "d.csv")
        let pairs = try ScorePairs(mask: masks, truth: truth)
        #expect(
            names(pairs) == [
                "a2-Mask.tif a2_labels.png", "a10_nuclei_mask.png a10_truth.png", "b.masks.tiff b.geojson",
                "c_cp_masks.png c_gt.png", "d.png d.tif", "mask.png mask.tif",
            ])
        #expect(pairs.masksAlone.map(\.name) == ["e_mask.png"] && pairs.truthAlone.map(\.name) == ["f_truth.png"])
    }

    @Test func oneFolderWithImagesMasksAndTruth() throws {
        let both = try make("b", "a.png", "a_nuclei_mask.png", "a_truth.png", "c.png", "c_truth.png", "d_mask.png")
        let pairs = try ScorePairs(mask: both, truth: both)
        #expect(names(pairs) == ["a_nuclei_mask.png a_truth.png"] && pairs.masksAlone.isEmpty)
        #expect(
            names(try ScorePairs(mask: both.appending("d_mask.png"), truth: make("t", "d.png"))) == ["d_mask.png d.png"]
        )
    }

    @Test func filesNeedNoCommonName() throws {
        let pairs = try ScorePairs(mask: "x/one_mask.png", truth: "y/two.tif")
        #expect(names(pairs) == ["one_mask.png two.tif"] && pairs.pairs[0].name == "one")
    }

    @Test func problems() throws {
        let twice = try make("m", "a_mask.png", "a_mask.tif")
        let truth = try make("t", "a.png")
        #expect(
            fileError { _ = try ScorePairs(mask: twice, truth: truth) }
                == FileError(twice, expected: "one label image of a", found: "a_mask.png, a_mask.tif"))
        let other = try make("o", "b.png")
        #expect(
            fileError { _ = try ScorePairs(mask: other, truth: truth) }
                == FileError(
                    other, expected: "label images with the names of those in \(truth)",
                    found: "b.png and no truth for it"))
        let empty = try make("e")
        #expect(fileError { _ = try ScorePairs(mask: empty, truth: truth) }?.problem.hasSuffix("found none") == true)
    }
}
