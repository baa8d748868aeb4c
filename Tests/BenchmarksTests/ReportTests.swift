import Benchmarks
import Foundation
import Foundations
import Testing

struct ReportTests {
    @Test func sharesAreThoseOfTheLimits() throws {
        // 1e9 FLOP in 20 ms are 5e10 per second, half of the peak 1e11.
        let computing = result([0.02, 0.02, 0.02])
        #expect(computing.flopsPerSecond == 5e10)
        #expect(try #require(computing.shareOfPeak).median == 0.5 && computing.shareOfRoof.median == 0.5)
        // 4e8 bytes take at least 40 ms, 1e9 FLOP at least 10 ms.
        let moving = result(of: operation(floats: 100_000_000), [0.08])
        #expect(moving.bytesPerSecond == 5e9)
        #expect(moving.shareOfBandwidth.median == 0.5 && moving.shareOfRoof.median == 0.5)
        let nothing = result(of: operation(flops: nil, floats: 100_000_000), [0.05])
        #expect(nothing.shareOfPeak == nil && abs(nothing.shareOfRoof.median - 0.8) < 1e-9)
    }

    @Test func theTableHasARowForEachResult() throws {
        let report = report([
            result([0.02, 0.022, 0.018]), result(algorithm: "im2col", isPreferred: false, [0.04]),
            result(of: operation(flops: nil), algorithm: nil, [1e-7]),
        ])
        let lines = report.text.split(separator: "\n").map(String.init)
        #expect(lines[2] == "load average 1.5 before, 2.5 after; got 75 % of the processor time it could use")
        #expect(lines[3].contains("AVX2 FMA 200 GFLOP/s (at best 300), read 10.0 GB/s (at best 10.0)"))
        let table = lines.drop { !$0.hasPrefix("network") }
        let cells = table.prefix(4).map { $0.split(separator: " ").map(String.init) }
        #expect(cells[1].prefix(8) == ["net", "convolution", "conv", "1>1", "direct", "*", "2", "20.0"])
        #expect(cells[1].joined(separator: " ").hasSuffix("±5.0 % 18.0 ms 50.0 50 % 0.00 0.0 % 2.00 MB"))
        #expect(cells[2].contains("im2col") && !cells[2].contains("*"))
        #expect(cells[3].joined(separator: " ").hasPrefix("net convolution conv 1>1 - 2 100 ns"))
    }

    @Test func aReportSurvivesItsFile() throws {
        let path: FilePath = "\(NSTemporaryDirectory())nuclei-report-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        let report = report([result([0.02, 0.03]), result(of: operation(flops: nil), algorithm: nil, [1e-7])])
        try AtomicFile.write(try report.json(), to: path)
        #expect(try BenchmarkReport(path: path) == report)
    }

    @Test func otherFilesAreRefused() throws {
        let path: FilePath = "\(NSTemporaryDirectory())nuclei-report-\(UUID().uuidString).json"
        defer { try? FileManager.default.removeItem(atPath: path.string) }
        #expect(throws: FileError.self) { try BenchmarkReport(path: path) }
        var none = report([result([0.02])])
        none.results[0].seconds = []
        var other = report([])
        other.format = "another"
        for text in ["", "{}", try none.json(), try other.json()] {
            try AtomicFile.write(text, to: path)
            let error = #expect(throws: FileError.self) { try BenchmarkReport(path: path) }
            #expect(error?.kind == .malformed)
        }
    }

    @Test func columnsAlign() {
        var table = TextTable([("name", .left), ("n", .right)])
        table.append(["a", "1"])
        table.append(["longer", "1000"])
        #expect(table.lines == ["name       n", "a          1", "longer  1000"])
    }

    @Test(arguments: [
        (2.5e-9, "2.50 ns"), (12.34e-6, "12.3 µs"), (999.4e-3, "999 ms"), (9.996, "10.0 s"), (100, "100 s"),
    ])
    func timesHaveUnits(_ seconds: Double, _ text: String) {
        #expect(Quantity.time(seconds) == text)
    }

    @Test func sharesAndSizesHaveUnits() {
        #expect(Quantity.percent(0.0123) == "1.2 %" && Quantity.percent(0.5) == "50 %")
        #expect(Quantity.memory(0) == "-" && Quantity.memory(1500) == "1.50 kB")
        #expect(Quantity.memory(136_000_000) == "136 MB" && Quantity.memory(2_000_000_000) == "2.00 GB")
    }
}
