import Foundation
import Imaging
import Testing

/// `nuclei-mask score` as a user runs it.
@Suite(.serialized) struct ScoreCommandTests {
    private let work: WorkFolder

    init() throws { work = try WorkFolder() }

    private func run(_ arguments: String...) throws -> Command.Result {
        try Command.mask.start(["score"] + arguments, in: work.path).wait()
    }

    /// Writes squares of 10 x 10 px with the labels 1, 2 ... in an image of 100 x 60 px.
    private func write(_ name: String, _ squares: [(x: Int, y: Int)], asMask: Bool = false, width: Int = 100) throws {
        var labels = [UInt32](repeating: 0, count: width * 60)
        for (index, square) in squares.enumerated() {
            for y in square.y..<square.y + 10 {
                for x in square.x..<square.x + 10 { labels[y * width + x] = asMask ? 255 : UInt32(index + 1) }
            }
        }
        try FileManager.default.createDirectory(
            at: URL(fileURLWithPath: "\(work.path)/\(name)").deletingLastPathComponent(),
            withIntermediateDirectories: true)
        try LabelImage(width: width, height: 60, labels: labels).write(to: .init("\(work.path)/\(name)"))
    }

    @Test func maskLabelsAndPolygons() throws {
        try write("a_mask.png", [(10, 10), (40, 10), (70, 10)], asMask: true)
        try write("truth.png", [(40, 10), (10, 14)])
        let labels = try run("a_mask.png", "truth.png", "--csv", "scores.csv")
        // IoU of the moved square: 6 / 14 rows.
        #expect(labels.status == 0 && labels.errors.isEmpty, "\(labels)")
        let lines = labels.output.split(separator: "\n").map { $0.split(separator: " ").joined(separator: " ") }
        #expect(
            lines == [
                "image found true Dice IoU precision recall F1 AJI SQ PQ count error",
                "a 3 2 0.640 0.471 0.333 0.500 0.400 0.471 1.000 0.400 50.0 %",
            ])
        #expect(
            try String(contentsOfFile: "\(work.path)/scores.csv", encoding: .utf8) == """
                name,mask,truth,width,height,found,true,matched,dice,iou,precision,recall,f1,aji,sq,pq,count_error
                a,a_mask.png,truth.png,100,60,3,2,1,0.640000,0.470588,0.333333,0.500000,0.400000,0.470588,1.000000,\
                0.400000,0.500000

                """)
        try work.write(
            """
            {"type": "FeatureCollection", "features": [
            {"type": "Feature", "geometry": {"type": "Polygon", "coordinates":
              [[[10, 14], [20, 14], [20, 24], [10, 24], [10, 14]]]}, "properties": {}},
            {"type": "Feature", "geometry": {"type": "Polygon", "coordinates":
              [[[40, 10], [50, 10], [50, 20], [40, 20], [40, 10]]]}, "properties": {}}]}
            """, to: "truth.geojson")
        #expect(try run("a_mask.png", "truth.geojson").output == labels.output)
        #expect(try run("truth.geojson", "truth.png", "-q").output.contains("truth      2     2  1.000"))
        try work.write(#"{"type": "FeatureCollection", "features": []}"#, to: "none.geojson")
        let none = try run("none.geojson", "truth.png")
        #expect(none.status == 0 && none.output.contains("0     2  0.000"), "\(none)")
        let both = try run("none.geojson", "truth.geojson")
        #expect(
            both.status == 65
                && both.errors == "error: none.geojson: expected a label image as mask or truth, which has the size in "
                    + "pixels, found GeoJSON for both\n"
        )
    }

    @Test func folders() throws {
        try write("masks/a_nuclei_mask.png", [(10, 10)], asMask: true)
        try write("masks/b_nuclei_mask.png", [(10, 10), (40, 40)], asMask: true)
        try write("masks/c_nuclei_mask.png", [], asMask: true)
        try write("truth/a_truth.png", [(10, 10)])
        try write("truth/b_labels.png", [(10, 10)])
        try write("truth/d_truth.png", [(10, 10)])
        let result = try run("masks", "truth", "--json")
        #expect(
            result.status == 0
                && result.errors == """
                    warning: 1 file without truth: c_nuclei_mask.png
                    warning: 1 file without a mask: d_truth.png

                    """,
            "\(result)")
        let json = try work.json(result.output)
        let (pooled, mean) = (json["pooled"] as? [String: Any] ?? [:], json["mean"] as? [String: Any] ?? [:])
        #expect((json["images"] as? [Any])?.count == 2 && pooled["found"] as? Int == 3 && pooled["true"] as? Int == 2)
        #expect(pooled["precision"] as? Double == 2.0 / 3 && mean["precision"] as? Double == 0.75)
        #expect(pooled["countError"] as? Double == 0.5 && mean["countError"] as? Double == 0.5)
        let table = try run("masks", "truth").output.split(separator: "\n").map { $0.prefix { $0 != " " } }
        #expect(table == ["image", "a", "b", "pooled", "mean"])

        // One that fails does not stop the others.
        try write("truth/b_labels.png", [(10, 10)], width: 90)
        let partly = try run("masks", "truth", "-q")
        #expect(
            partly.status == 65
                && partly.problems.hasSuffix(
                    "error: masks/b_nuclei_mask.png: expected the size of truth/b_labels.png, 90 x 60, found 100 x 60\n"
                )
        )
        #expect(partly.output.split(separator: "\n").count == 2)
    }

    @Test func problems() throws {
        try write("mask.png", [(10, 10)])
        try write("other.png", [(10, 10)], width: 101)
        let sizes = try run("mask.png", "other.png")
        #expect(
            sizes.status == 65
                && sizes.errors == "error: mask.png: expected the size of other.png, 101 x 60, found 100 x 60\n",
            "\(sizes)")
        let missing = try run("mask.png", "nothing.png")
        #expect(missing.status == 66 && missing.errors.hasPrefix("error: nothing.png: cannot be read"), "\(missing)")
        let replaced = try run("mask.png", "mask.png", "--csv", "mask.png")
        #expect(replaced.status == 64, "\(replaced)")
        try FileManager.default.createDirectory(atPath: "\(work.path)/empty", withIntermediateDirectories: true)
        #expect(try run("mask.png", "empty").status == 65)
        #expect(try run("mask.png").status == 64)
    }
}
