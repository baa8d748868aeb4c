import Foundations
import Imaging
import TestSupport
import Testing

/// Rows that are given by their runs become the same files as rows of pixels.
@Suite struct RunRowTests {
    /// Rows that are alike.
    private typealias Rows = (runs: [PixelRun], count: Int)

    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// Rows with runs that reach the edges and the borders of tiles or lie in one pixel, rows without any, and white rows.
    /// Tiles with runs are followed by tiles without, and the other way round.
    private func rows(_ width: Int, _ height: Int, largest: Int) -> [Rows] {
        var (rows, y) = ([Rows](), 0)
        while y < height {
            let seed = Formula.bits(7, y)
            let count = min(height - y, [1, 1, 2, 5, 40][Int(seed % 5)])
            var runs = [PixelRun](), x = 0
            while x < width, y / 64 % 3 != 1, seed / 5 % 4 != 0 {
                let bits = Formula.bits(11, y * width + x)
                let end = min(width, x + [1, 3, 16, 100, width][Int(bits % 5)])
                if bits / 5 % 2 == 0 { runs.append(PixelRun(x..<end, value: UInt32(largest) - UInt32(bits / 10 % 5))) }
                x = end + Int(bits / 50 % 90)
            }
            rows.append((runs, count))
            y += count
        }
        return rows
    }

    private func pixels<Sample: FixedWidthInteger>(_ rows: Rows, width: Int, as type: Sample.Type) -> [Sample] {
        var row = [Sample](repeating: 0, count: width)
        for run in rows.runs { for x in run.pixels { row[x] = Sample(run.value) } }
        return (0..<rows.count).flatMap { _ in row }
    }

    /// Writes the rows as pixels, as runs, and by turns, and compares the files.
    private func compare<Sample: FixedWidthInteger>(
        _ rows: [Rows], as type: Sample.Type, _ context: String, _ open: (FilePath) throws -> any RowWriter
    ) throws {
        let names = ["pixels", "runs", "turns"]
        for (index, name) in names.enumerated() {
            let writer = try open(folder.file(name))
            for (turn, part) in rows.enumerated() {
                if index == 1 || index == 2 && turn % 3 != 0 {
                    try writer.write(part.runs, count: part.count)
                } else {
                    let pixels = pixels(part, width: writer.width, as: type)
                    try pixels.withUnsafeBytes { try writer.write(rows: $0, count: part.count) }
                }
            }
            try writer.finish()
        }
        let expected = try contents(folder.file(names[0]))
        for name in names[1...] { #expect(try contents(folder.file(name)) == expected, "\(context), \(name)") }
    }

    @Test(arguments: [(16, 16), (17, 33), (40, 300), (900, 31), (257, 255), (704, 520), (1, 40), (2000, 130)])
    func tiff(_ size: (Int, Int)) throws {
        let (width, height) = size
        for tile in [16, 256] {
            for (compression, threads) in [(TIFFWriter.Compression.deflate, 1), (.deflate, 3), (.lzw, 1)] {
                for samples in [TIFFWriter.Samples.gray, .label] {
                    let isGray = samples == .gray
                    let rows = rows(width, height, largest: isGray ? 255 : 70_000)
                    func open(_ path: FilePath) throws -> any RowWriter {
                        try TIFFWriter(
                            path: path, width: width, height: height, samples: samples, compression: compression,
                            tile: tile, threads: threads)
                    }
                    let context = "\(samples), \(compression), tiles of \(tile), \(threads) threads"
                    if isGray {
                        try compare(rows, as: UInt8.self, context, open)
                    } else {
                        try compare(rows, as: UInt32.self, context, open)
                    }
                }
            }
        }
    }

    @Test(arguments: [1, 8]) func png(bits: Int) throws {
        for (width, height) in [(1, 1), (33, 70), (300, 260)] {
            let rows = rows(width, height, largest: 255)
            try compare(rows, as: UInt8.self, "\(bits) bits") { path in
                try PNGWriter(path: path, width: width, height: height, channels: .gray, bits: bits)
            }
        }
    }

    @Test func rowsHaveRunsOfEveryKind() {
        let rows = rows(704, 520, largest: 255)
        #expect(rows.contains { $0.runs.isEmpty } && rows.contains { $0.count > 20 && !$0.runs.isEmpty })
        let runs = rows.flatMap(\.runs)
        #expect(runs.contains { $0.pixels.count == 1 } && runs.contains { $0.pixels.upperBound == 704 })
        #expect(runs.contains { $0.pixels.lowerBound == 0 } && Set(runs.map(\.value)).count > 1)
    }
}
