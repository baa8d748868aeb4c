import Foundation
import Foundations
import Imaging
import TestSupport
import Testing

/// Pyramids of numbers of 32 bits: floats, and labels of objects.
@Suite struct TIFFNumberTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    /// A gradient with a hole of NaN.
    static func gradient(_ width: Int, _ height: Int) -> [Float] {
        (0..<width * height).map { index in
            let (x, y) = (index % width, index / width)
            return x >= width / 2 && y % 4 < 2 ? .nan : Float(x) / 7 + Float(y) * 1.5
        }
    }

    @Test func floats() throws {
        let (width, height) = (37, 45)
        let values = Self.gradient(width, height)
        let path = folder.file("p.tif")
        try write(
            values.withUnsafeBytes { Array($0) },
            to: TIFFWriter(path: path, width: width, height: height, samples: .float, tile: 32))
        let file = try BigTIFF(path)
        try #require(file.directories.count == 2)
        #expect(file.directories[0].number(339) == 3 && file.directories[0].number(258) == 32)
        let (full, half) = (try rows(of: 0, in: file, Float.self).rows, try rows(of: 1, in: file, Float.self).rows)
        func value(_ x: Int, _ y: Int) -> Float { values[min(y, height - 1) * width + min(x, width - 1)] }
        func same(_ a: Float, _ b: Float) -> Bool { a.isNaN && b.isNaN || abs(a - b) <= 1e-5 }
        for y in 0..<height {
            for x in 0..<width { try #require(same(full[y][x], value(x, y)), "x \(x), y \(y)") }
        }
        for y in 0..<(height + 1) / 2 {
            for x in 0..<(width + 1) / 2 {
                let four = [(0, 0), (1, 0), (0, 1), (1, 1)].map { value(2 * x + $0.0, 2 * y + $0.1) }
                let numbers = four.filter { !$0.isNaN }
                let mean = numbers.isEmpty ? Float.nan : numbers.reduce(0, +) / Float(numbers.count)
                try #require(same(half[y][x], mean), "half, x \(x), y \(y)")
            }
        }
    }

    /// Objects of 9 x 7 pixels with numbers of up to 32 bits, half of the image without any, and noise.
    static func objects(_ width: Int, _ height: Int) -> [UInt32] {
        (0..<width * height).map { index in
            let (x, y) = (index % width, index / width)
            if x < width / 8 { return UInt32(truncatingIfNeeded: Formula.bits(6, index)) }
            return x >= width / 2 || x % 9 == 0 ? 0 : UInt32(x / 9 + 1 + y / 7 * 1000) * 4099
        }
    }

    /// Lower levels have labels that exist, not means.
    @Test(arguments: [(37, 45, 32), (1200, 90, 16), (301, 77, 64)])
    func labels(width: Int, height: Int, tile: Int) throws {
        let values = Self.objects(width, height)
        let files = try [1, 2, 40].map { threads in
            let path = folder.file("\(threads).tif")
            try write(
                values.withUnsafeBytes { Array($0) },
                to: TIFFWriter(path: path, width: width, height: height, samples: .label, tile: tile, threads: threads))
            return path
        }
        for file in files { #expect(try contents(file) == contents(files[0])) }
        #expect(try LabelImage(decoding: files[0]) == LabelImage(width: width, height: height, labels: values))
        let file = try BigTIFF(files[0])
        #expect(file.directories.count > 1)
        for level in file.directories.indices {
            #expect(file.directories[level].number(339) == 1 && file.directories[level].number(258) == 32)
            #expect(file.directories[level].number(317) == 2, "horizontal predictor")
            let step = 1 << level
            let (rows, side) = try rows(of: level, in: file, UInt32.self)
            for (y, row) in rows.enumerated() {
                var value: UInt32 = 0
                for (x, difference) in row.enumerated() {
                    value = x % side == 0 ? difference : value &+ difference
                    try #require(value == values[y * step * width + x * step], "\(level): x \(x), y \(y)")
                }
            }
        }
    }

    /// The rows of a level, and the side of its tiles.
    private func rows<Number: BitwiseCopyable>(
        of level: Int, in file: BigTIFF, _ type: Number.Type
    ) throws -> (rows: [[Number]], side: Int) {
        let directory = file.directories[level]
        let side = Int(try #require(directory.number(322)))
        let (width, height) = (Int(try #require(directory.number(256))), Int(try #require(directory.number(257))))
        let columns = (width - 1) / side + 1
        let tiles = try (0..<columns * ((height - 1) / side + 1)).map { index in
            try file.inflatedTile(index, of: directory, size: side * side * 4).withUnsafeBytes {
                Array($0.bindMemory(to: Number.self))
            }
        }
        let rows = (0..<height).map { y in
            (0..<width).map { x in tiles[y / side * columns + x / side][y % side * side + x % side] }
        }
        return (rows, side)
    }
}
