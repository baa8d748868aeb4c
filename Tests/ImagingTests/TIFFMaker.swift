/// Makes uncompressed, tiled, little-endian RGB TIFF files, which OpenSlide opens as "generic-tiff".
struct TIFFMaker {
    /// The levels of the pyramid, the largest first. Sizes need not be multiples of the tile.
    var levels: [Level]
    /// Pixels: multiples of 16 whose product is a multiple of 1024. OpenSlide 3.4.1 rejects other uncompressed tiles.
    var tileWidth: Int
    var tileHeight: Int

    struct Level {
        var width: Int
        var height: Int
        var pixel: (_ x: Int, _ y: Int, _ channel: Int) -> UInt8
        /// Text of the tag ImageDescription.
        var description: String?
        /// Pixels per unit in either direction, and the unit: 2 for inches, 3 for centimeters.
        var resolution: (x: Int, y: Int, unit: Int)?
    }

    var bytes: [UInt8] {
        var file: [UInt8] = [0x49, 0x49, 42, 0] + little(0, 4)
        var link = 4
        for (index, level) in levels.enumerated() {
            var offsets: [Int] = []
            for top in stride(from: 0, to: level.height, by: tileHeight) {
                for left in stride(from: 0, to: level.width, by: tileWidth) {
                    offsets.append(file.count)
                    appendTile(level, left, top, to: &file)
                }
            }
            let offsetTable = file.count
            file += offsets.flatMap { little($0, 4) }
            let countTable = file.count
            file += offsets.flatMap { _ in little(tileWidth * tileHeight * 3, 4) }
            let bitsTable = file.count
            file += [8, 0, 8, 0, 8, 0, 0, 0]
            let single = offsets.count == 1
            let long = 4
            var entries: [(tag: Int, type: Int, count: Int, value: Int)] = [
                (254, long, 1, index == 0 ? 0 : 1), (256, long, 1, level.width), (257, long, 1, level.height),
                (258, 3, 3, bitsTable), (259, long, 1, 1), (262, long, 1, 2), (277, long, 1, 3), (284, long, 1, 1),
                (322, long, 1, tileWidth), (323, long, 1, tileHeight),
                (324, long, offsets.count, single ? offsets[0] : offsetTable),
                (325, long, offsets.count, single ? tileWidth * tileHeight * 3 : countTable),
            ]
            if let description = level.description {
                entries.append((270, 2, description.utf8.count + 1, file.count))
                file += Array(description.utf8) + [0]
            }
            if let resolution = level.resolution {
                entries += [(282, 5, 1, file.count), (283, 5, 1, file.count + 8), (296, 3, 1, resolution.unit)]
                file += [resolution.x, 1, resolution.y, 1].flatMap { little($0, 4) }
            }
            entries.sort { $0.tag < $1.tag }
            file.replaceSubrange(link..<link + 4, with: little(file.count, 4))
            file += little(entries.count, 2)
            for entry in entries {
                file += little(entry.tag, 2) + little(entry.type, 2) + little(entry.count, 4) + little(entry.value, 4)
            }
            link = file.count
            file += little(0, 4)
        }
        return file
    }

    private func appendTile(_ level: Level, _ left: Int, _ top: Int, to file: inout [UInt8]) {
        for y in top..<top + tileHeight {
            for x in left..<left + tileWidth {
                let inside = x < level.width && y < level.height
                for channel in 0..<3 { file.append(inside ? level.pixel(x, y, channel) : 0) }
            }
        }
    }

    private func little(_ value: Int, _ count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
    }
}
