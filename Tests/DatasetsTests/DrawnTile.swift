import Datasets
import Foundation
import Foundations
import Imaging
import Tensors

/// A tile that resembles tissue: dark disks with sharp edges on an uneven pink background. Equal seeds give equal tiles.
struct DrawnTile {
    static let side = 256
    /// Interleaved RGB.
    private(set) var pixels: [UInt8]

    init(seed: UInt64, disks: Int = 30, disk: [UInt8] = [80, 40, 120], ground: [UInt8] = [220, 150, 190]) {
        let side = Self.side
        var random = SplitMix64(seed: seed)
        pixels = (0..<side * side).flatMap { index in
            let wave = 10 * sin(Float(index % side) / 30) * cos(Float(index / side) / 40)
            return ground.map { UInt8(Float($0) + wave) }
        }
        for _ in 0..<disks {
            let (x, y) = (Int.random(in: 0..<side, using: &random), Int.random(in: 0..<side, using: &random))
            let radius = Int.random(in: 6..<14, using: &random)
            fill(x - radius, y - radius, 2 * radius + 1, 2 * radius + 1, disk) { px, py in
                (px - x) * (px - x) + (py - y) * (py - y) <= radius * radius
            }
        }
    }

    /// A tile of one color.
    init(color: [UInt8]) { pixels = (0..<Self.side * Self.side).flatMap { _ in color } }

    mutating func fill(
        _ x: Int, _ y: Int, _ width: Int, _ height: Int, _ color: [UInt8],
        where inside: (Int, Int) -> Bool = { _, _ in true }
    ) {
        for py in max(0, y)..<min(Self.side, y + height) {
            for px in max(0, x)..<min(Self.side, x + width) where inside(px, py) {
                pixels.replaceSubrange((py * Self.side + px) * 3..<(py * Self.side + px) * 3 + 3, with: color)
            }
        }
    }

    /// The tile with each pixel taken from another position.
    func moved(_ source: (_ x: Int, _ y: Int) -> (Int, Int)) -> DrawnTile {
        var result = self
        for index in 0..<Self.side * Self.side {
            let (x, y) = source(index % Self.side, index / Self.side)
            let place = (min(max(y, 0), Self.side - 1) * Self.side + min(max(x, 0), Self.side - 1)) * 3
            for channel in 0..<3 { result.pixels[index * 3 + channel] = pixels[place + channel] }
        }
        return result
    }

    func shifted(_ dx: Int, _ dy: Int) -> DrawnTile { moved { ($0 - dx, $1 - dy) } }

    /// A gray tile with the given brightness.
    func lit(_ brightness: (_ x: Int, _ y: Int) -> UInt8) -> DrawnTile {
        var result = self
        result.pixels = (0..<pixels.count).map { brightness($0 / 3 % Self.side, $0 / 3 / Self.side) }
        return result
    }

    func mapped(_ change: (UInt8) -> UInt8) -> DrawnTile {
        var result = self
        result.pixels = pixels.map(change)
        return result
    }

    /// Two passes of means over squares of `2 * radius + 1` pixels: about a Gaussian of sigma 0.8 * radius.
    func blurred(_ radius: Int) -> DrawnTile {
        var result = self
        for step in 0..<4 {
            let source = result.pixels
            for index in 0..<Self.side * Self.side {
                for channel in 0..<3 {
                    var sum = 0
                    for offset in -radius...radius {
                        let x = index % Self.side + (step % 2 == 0 ? offset : 0)
                        let y = index / Self.side + (step % 2 == 1 ? offset : 0)
                        let place = min(max(y, 0), Self.side - 1) * Self.side + min(max(x, 0), Self.side - 1)
                        sum += Int(source[place * 3 + channel])
                    }
                    result.pixels[index * 3 + channel] = UInt8(sum / (2 * radius + 1))
                }
            }
        }
        return result
    }
}

extension DatasetFolder {
    func draw(_ tile: DrawnTile, as name: String) throws {
        let writer = try PNGWriter(
            path: "\(path)/\(name)", width: DrawnTile.side, height: DrawnTile.side, channels: .rgb)
        try tile.pixels.withUnsafeBytes { try writer.write(rows: $0, count: DrawnTile.side) }
        try writer.finish()
    }

    /// Writes tiles and their rows: label ("" for none) and group.
    func draw(_ tiles: [(tile: DrawnTile, label: String, group: String)]) throws {
        var rows = "tile_id,label,group\n"
        for (index, entry) in tiles.enumerated() {
            try draw(entry.tile, as: "tile_\(index).png")
            rows += "\(index),\(entry.label),\(entry.group)\n"
        }
        try labels(rows)
    }

    func exploration(threads: Int = 2, _ settings: Split.Settings = Split.Settings()) throws -> Exploration {
        try Exploration(TileSet(path: FilePath(path), threads: threads), settings, threads: threads)
    }
}
