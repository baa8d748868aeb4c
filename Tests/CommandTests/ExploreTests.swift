import Foundation
import Testing

struct ExploreTests {
    @Test func aSetIsExplored() throws {
        let work = try WorkFolder()
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "40", "--unlabeled", "3", "--crops", "0", in: work.path)
        try #require(made.status == 0, "\(made)")
        var texts = [String]()
        for threads in ["1", "3"] {
            let explored = try Command.train.run(
                "explore", "set", "--validation", "--threads", threads, "--output", "here/out\(threads)", in: work.path)
            try #require(explored.status == 0, "\(explored)")
            #expect(explored.errors.isEmpty)
            #expect(explored.output.contains("to look into\n"))
            #expect(explored.output.contains("majority class: 0."))
            #expect(explored.output.contains("in here/out\(threads)/exploration.json\n"))
            let page = try String(contentsOfFile: "\(work.path)/here/out\(threads)/exploration.html", encoding: .utf8)
            #expect(page.contains("Principal components") && page.hasSuffix("</html>\n"))
            texts.append(
                try String(contentsOfFile: "\(work.path)/here/out\(threads)/exploration.json", encoding: .utf8))
        }
        #expect(texts[0] == texts[1])
        let record = try work.json(texts[0])
        #expect(
            record.keys.sorted() == [
                "baseline", "components", "counts", "dataset", "duplicates", "findings", "groups", "hasGroups",
                "pixels",
                "quality", "split", "thresholds", "tiles",
            ])
        let counts = try #require(record["counts"] as? [String: Int])
        #expect(counts["unlabeled"] == 3 && counts["NUCLEI"]! + counts["NO_NUCLEUS"]! == 40)
        #expect((record["tiles"] as? [Any])?.count == 43)
        let parts = (record["split"] as? [String: Any])?["parts"] as? [[String: Any]]
        #expect(parts?.map { $0["name"] as? String } == ["train", "validation", "test", "unlabeled"])

        // The default folder has the name of the data set. Earlier explorations are replaced.
        for seed in ["1", "2"] {
            let again = try Command.train.run("explore", "./set/", "--split-seed", seed, in: work.path)
            #expect(again.status == 0 && again.output.contains("in data/explore-set/exploration.json\n"))
        }
        let text = try String(contentsOfFile: "\(work.path)/data/explore-set/exploration.json", encoding: .utf8)
        let settings = (try work.json(text)["split"] as? [String: Any])?["settings"] as? [String: Any]
        #expect(settings?["seed"] as? Int == 2 && settings?["validationShare"] as? Double == 0)
    }

    @Test func errorsAreALineAndAStatus() throws {
        let work = try WorkFolder()
        for arguments in [
            ["explore"], ["explore", "set", "--threads", "0"], ["explore", "set", "--split-seed", "x"],
            ["explore", "set", "other"],
        ] {
            let result = try Command.train.start(arguments, in: work.path).wait()
            #expect(result.status == 64 && result.output.isEmpty && !result.errors.isEmpty, "\(arguments): \(result)")
        }
        let missing = try Command.train.run("explore", "nowhere", in: work.path)
        #expect(missing.status == 66)
        #expect(
            missing.errors == "error: nowhere/labels.csv: expected the labels of a data set, found no readable file\n")
        try FileManager.default.createDirectory(atPath: "\(work.path)/set", withIntermediateDirectories: true)
        try work.write("tile_id,label\n", to: "set/labels.csv")
        let empty = try Command.train.run("explore", "set", in: work.path)
        #expect(empty.status == 65)
        #expect(empty.errors == "error: set: expected tiles to explore, found none\n")
        #expect(work.files == ["set"], "nothing is written without a result")

        #expect(try Command.train.run("synthesize", "made", "--tiles", "4", "--crops", "0", in: work.path).status == 0)
        let onto = try Command.train.run("explore", "made", "--output", "made/labels.csv", in: work.path)
        #expect(onto.status == 73)
        #expect(onto.errors.hasPrefix("error: made/labels.csv: cannot be made ("))
        let lost = try Command.train.shell("explore made --output out >/dev/full", in: work.path)
        #expect(lost.status == 73)
    }
}
