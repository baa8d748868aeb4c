import Foundation
import Foundations
import Imaging
// All files of this module use the temporary folders.
@_exported import TestSupport
import Testing

func contents(_ path: FilePath) throws -> [UInt8] {
    [UInt8](try Data(contentsOf: URL(fileURLWithPath: path.string)))
}

/// Reads all rows; `counts` are the numbers of rows per call, used cyclically.
func readAll(_ reader: any RowReader, rowsAtATime counts: [Int]) throws -> [UInt8] {
    var pixels: [UInt8] = []
    var turn = 0
    while reader.nextRow < reader.height {
        let count = min(counts[turn % counts.count], reader.height - reader.nextRow)
        var rows = [UInt8](repeating: 0xA5, count: count * reader.width * 3)
        try reader.readRows(into: &rows, count: count)
        pixels += rows
        turn += 1
    }
    return pixels
}

func write(_ bytes: [UInt8], to writer: any RowWriter, rowsAtATime: Int = 3) throws {
    try bytes.withUnsafeBytes { all in
        while writer.nextRow < writer.height {
            let count = min(rowsAtATime, writer.height - writer.nextRow)
            let start = writer.nextRow * writer.bytesPerRow
            try writer.write(rows: UnsafeRawBufferPointer(rebasing: all[start...]), count: count)
        }
    }
    try writer.finish()
}

/// Describes where two images differ by more than `tolerance`; nil if they do not.
func difference(_ a: RGBImage, _ b: RGBImage, tolerance: Int = 0) -> String? {
    guard a.width == b.width, a.height == b.height else {
        return "sizes \(a.width) x \(a.height) and \(b.width) x \(b.height)"
    }
    for i in a.pixels.indices where abs(Int(a.pixels[i]) - Int(b.pixels[i])) > tolerance {
        return "channel \(i % 3) at x \(i / 3 % a.width), y \(i / 3 / a.width): \(a.pixels[i]) and \(b.pixels[i])"
    }
    return nil
}

/// The problem with decoding a whole file, without its path; nil if it decodes.
func decodingProblem(_ path: FilePath) -> String? { fileError { _ = try RGBImage(decoding: path) }?.problem }

/// Smooth in red and green, noise from a fixed seed in blue.
func pattern(_ width: Int, _ height: Int) -> RGBImage {
    var state: UInt64 = 1
    var pixels: [UInt8] = []
    for y in 0..<height {
        for x in 0..<width {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            pixels += [UInt8(x * 255 / width), UInt8(y * 255 / height), UInt8(state >> 56)]
        }
    }
    return RGBImage(width: width, height: height, pixels: pixels)
}

@Suite struct SupportTests {
    @Test func comparisonCanFail() {
        let image = RGBImage(width: 2, height: 2, pixels: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11])
        var other = image
        #expect(difference(image, other) == nil)
        other.pixels[7] = 9
        #expect(difference(image, other) == "channel 1 at x 0, y 1: 7 and 9")
        #expect(difference(image, other, tolerance: 2) == nil)
        #expect(difference(image, pattern(2, 1)) == "sizes 2 x 2 and 2 x 1")
        #expect(fileError {} == nil)
    }
}
