import Foundations
import Masking
import Testing

struct OutputNamesTests {
    @Test func defaultNames() {
        let names = OutputNames()
        #expect(names.paths(for: "s/a.b.svs") == [.mask: "s/a.b_nuclei_mask.png", .record: "s/a.b_nuclei_mask.json"])
        guard case .file("a_nuclei_mask.png.windows") = names.cache(for: "a.svs") else {
            Issue.record("\(names.cache(for: "a.svs"))")
            return
        }
        let folder = OutputNames(folder: "out")
        #expect(folder.mask(for: "s/a.svs") == "out/a_nuclei_mask.png")
        #expect(folder.path(.record, for: "s/a.svs") == "out/a_nuclei_mask.json")
        let scratch = OutputNames(scratch: "/tmp")
        guard case .folder("/tmp") = scratch.cache(for: "s/a.svs") else {
            Issue.record("\(scratch.cache(for: "s/a.svs"))")
            return
        }
        #expect(scratch.allPaths(for: "a.svs") == ["a_nuclei_mask.png", "a_nuclei_mask.json"])
    }

    @Test(arguments: [
        ("x.csv", nil, "x.csv"), ("{}.csv", nil, "s/a.csv"), ("t/{}.csv", nil, "t/a.csv"), ("./{}.csv", nil, "./a.csv"),
        ("x.csv", "out", "out/x.csv"), ("{}_{}.csv", "out", "out/a_a.csv"), ("t/{}.csv", "out", "t/a.csv"),
    ])
    func requestedNames(name: String, folder: String?, path: String) {
        #expect(
            OutputNames([.csv: name], folder: folder.map { FilePath($0) }).path(.csv, for: "s/a.svs") == FilePath(path))
        #expect(OutputNames([.mask: name], folder: folder.map { FilePath($0) }).mask(for: "s/a.svs") == FilePath(path))
    }

    /// Distinct names of images, as their masks show them.
    private func masks(_ images: [FilePath], folder: FilePath?) -> [String] {
        var names = OutputNames(folder: folder)
        names.distinguish(images)
        #expect(names.clash(for: images) == nil)
        return images.map { String(names.mask(for: $0).name.dropLast("_nuclei_mask.png".count)) }
    }

    @Test func imagesOfEqualNamesGetDistinctOutputs() {
        #expect(masks(["s/a.svs", "s/b.svs", "t/a.svs"], folder: nil) == ["a", "b", "a"], "in their own folders")
        #expect(masks(["s/a.svs", "s/a.jpg", "s/b.svs"], folder: nil) == ["a.svs", "a.jpg", "b"])
        #expect(masks(["s/a.svs", "t/a.jpg"], folder: "out") == ["a.svs", "a.jpg"])
        #expect(masks(["s/a.svs", "t/a.svs", "b.svs"], folder: "out") == ["s_a", "t_a", "b"])
        #expect(masks(["s/a.svs", "t/a.svs", "t/a.png"], folder: "out") == ["s_a.svs", "t_a.svs", "t_a.png"])
        #expect(masks(["u/s/a.svs", "v/s/a.svs"], folder: "out") == ["u_s_a", "v_s_a"])
        #expect(
            masks(["s/a.svs", "t/a.svs", "s_a.svs"], folder: "out").count == 3, "a name that one of the others gets")
        var names = OutputNames([.mask: "m.png"])
        names.distinguish(["a.svs", "b.svs"])
        #expect(names.mask(for: "a.svs") == "m.png", "no name helps")
    }

    @Test func equalPathsClash() {
        #expect(OutputNames().clash(for: ["a.svs", "b.svs", "s/a.svs"]) == nil)
        #expect(
            OutputNames().clash(for: ["a.svs", "a.jpg"])
                == "expected another file for each image, found a_nuclei_mask.png for a.svs and a.jpg")
        #expect(
            OutputNames(folder: "out").clash(for: ["s/a.svs", "t/a.svs"])
                == "expected another file for each image, found out/a_nuclei_mask.png for s/a.svs and t/a.svs")
        #expect(
            OutputNames([.csv: "{}", .geojson: "./a"]).clash(for: ["a.svs"])
                == "expected another file for each output, found a and ./a")
        #expect(
            OutputNames([.csv: "{}_nuclei_mask.png.windows"]).clash(for: ["a.svs"])
                == "expected another file for each output, found a_nuclei_mask.png.windows and a_nuclei_mask.png.windows"
        )
        // The heat map of one image is the mask of another.
        #expect(
            OutputNames([.heatmap: "x{}_nuclei_mask.png"]).clash(for: ["a.svs", "xa.svs"])
                == "expected another file for each image, found xa_nuclei_mask.png for a.svs and xa.svs")
    }
}
