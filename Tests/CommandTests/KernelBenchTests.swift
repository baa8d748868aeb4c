import Benchmarks
import Foundation
import NeuralNetworks
import Testing

struct KernelBenchTests {
    private let work: WorkFolder

    init() throws { work = try WorkFolder() }

    private func measure(_ arguments: String...) throws -> Command.Result {
        let common = ["--quick", "--batch", "1", "--threads", "1", "2", "--filter", "compact layer3 conv2 weight"]
        return try Command.bench.start(common + arguments, in: work.path).wait()
    }

    @Test func measuresComparesAndDraws() throws {
        let first = try measure("--json", "a.json", "--roofline", "a.svg")
        #expect(first.status == 0 && first.errors.isEmpty, "\(first)")
        let report = try BenchmarkReport(path: "\(work.path)/a.json")
        let algorithms = Set(report.results.compactMap(\.algorithm))
        #expect(algorithms.isSuperset(of: ["im2col", "direct"]))
        #expect(report.results.count == 2 * algorithms.count && Set(report.results.map(\.threads)) == [1, 2])
        #expect(report.results.allSatisfy { $0.layer == "layer3.0.conv2" && $0.kind == .convolutionWeight })
        let lines = first.output.split(separator: "\n").map(String.init)
        let heading = try #require(lines.firstIndex { $0.hasPrefix("network ") })
        // Every row has a cell in the last column.
        let rows = lines[(heading + 1)...].prefix { $0.hasPrefix("compact ") }
        #expect(rows.count == report.results.count)
        #expect(rows.allSatisfy { $0.count == lines[heading].count || $0.hasSuffix("B") || $0.hasSuffix("-") })
        #expect(rows.filter { $0.contains(" * ") }.count == 2)
        #expect(lines.contains { $0.hasPrefix("2 threads: ") && $0.contains("GFLOP/s") })
        let drawing = try String(contentsOfFile: "\(work.path)/a.svg", encoding: .utf8)
        #expect(drawing.hasPrefix("<?xml") && drawing.contains("weight gradient"))

        let second = try measure("--compare", "a.json")
        #expect(second.status == 0)
        #expect(second.output.contains("ratio  adjusted"))
        #expect(!second.output.contains("not measured"))
        #expect(work.files == ["a.json", "a.svg"])
    }

    @Test func layersOfAWholeStep() throws {
        let result = try Command.bench.run(
            "layers", "--model-kind", "compact", "--train", "--batch", "2", "--quick", "--json", "l.json",
            in: work.path)
        #expect(result.status == 0, "\(result)")
        #expect(result.output.contains("\nclip and step ") && result.output.contains("tiles/s"))
        let times = try JSONDecoder().decode(
            LayerTimes.self, from: Data(contentsOf: URL(fileURLWithPath: "\(work.path)/l.json")))
        #expect(times.format == LayerTimes.format && times.seconds.count == 3 && times.peakMemory > 1_000_000)
    }

    @Test func theEnvironmentChoosesAlgorithms() throws {
        let arguments = ["layers", "--model-kind", "compact", "--batch", "1", "--quick"]
        for (name, status) in [("direct", Int32(0)), ("bogus", 65)] {
            let result = try Command.bench.start(arguments, in: work.path, environment: ["NUCLEI_CONV": name]).wait()
            #expect(result.status == status, "\(name): \(result)")
        }
    }

    @Test func servesALineForEachLine() throws {
        try work.write("go\ngo\n", to: "lines")
        let result = try Command.bench.shell(
            "serve --model-kind compact --infer --batch 2 --seconds 0.001 --export out < lines", in: work.path)
        #expect(result.status == 0, "\(result)")
        let lines = try result.output.split(separator: "\n").map { try work.json(String($0)) }
        #expect(lines.count == 3)
        #expect(lines[0]["ready"] != nil && lines[0]["first_call_s"] is Double)
        for line in lines.dropFirst() {
            let (rate, milliseconds) = (try #require(line["per_s"] as? Double), try #require(line["ms"] as? Double))
            #expect(abs(rate * milliseconds / 2000 - 1) < 1e-6)
        }
        let model = try Model(path: "\(work.path)/out/model.safetensors")
        let batch = try SafetensorsFile(path: "\(work.path)/out/batch.safetensors")
        #expect(model.description.architecture == .compact)
        #expect(batch.entries["input"]?.shape == [2, 3, 256, 256] && batch.entries["logits"]?.shape == [2, 2])
    }

    @Test func layersInFixedPoint() throws {
        let result = try Command.bench.run(
            "layers", "--model-kind", "compact", "--batch", "2", "--quick", "--precision", "int16", in: work.path)
        #expect(result.status == 0 && result.output.contains("compact, inference with int16 of 2 tiles"), "\(result)")
        #expect(result.output.contains("\nlayer1.0.conv2 ") && result.output.contains(" of float peak"), "\(result)")
    }

    @Test func badOptionsAreOneLineAndAStatus() throws {
        for arguments in [
            ["--batch", "0"], ["--threads", "0"], ["--filter", "no such thing"], ["--isa", "sse"], ["--bogus"],
            ["layers", "--model-kind", "vgg"], ["layers", "--rounds", "0"], ["layers", "--infer", "--train"],
            ["layers", "--model-kind", "compact", "--train", "--precision", "int16"],
            ["layers", "--model-kind", "resnet18", "--precision", "int16"],
            ["serve", "--seconds", "0"],
        ] {
            let result = try Command.bench.start(arguments, in: work.path).wait()
            #expect(result.status == 64, "\(arguments): \(result)")
            let errors = result.errors.split(separator: "\n").filter { $0.hasPrefix("Error: ") }
            #expect(result.output.isEmpty && errors.count == 1, "\(arguments): \(result)")
        }
        try work.write("{}", to: "other.json")
        for (arguments, status, line) in [
            (["--compare", "none.json"], 66, "none.json: expected a report of kernel-bench, found no readable file"),
            (
                ["--compare", "other.json"], 65,
                "other.json: expected a report of format kernel-bench-1, found something else"
            ),
            (["--json", "none/a.json"], 73, "none/a.json: cannot be written (No such file or directory)"),
        ] {
            let result = try Command.bench.start(arguments, in: work.path).wait()
            #expect(result.status == status && result.errors == "error: \(line)\n", "\(arguments): \(result)")
        }
        #expect(work.files == ["other.json"])
    }
}
