/// Makes little-endian TIFF files of 8-bit RGB images, as slides are stored. OpenSlide opens files of uncompressed tiles
/// without further fields as "generic-tiff".
package struct TIFFMaker {
    package enum Variant {
        case classic
        case big
        /// Hamamatsu's: a classic file in which offsets of directories have 64 bits.
        case ndpi
    }

    /// How the pixels of an image are stored.
    package enum Storage {
        /// Uncompressed tiles.
        case tiles
        /// Tiles of JPEG. The 64 pixels of a block are those of its upper left corner.
        case jpegTiles
        /// Tiles of JPEG 2000, as Aperio stores them: YCbCr with every other column of the chroma, or RGB. Readers can
        /// halve them a number of times.
        case jpeg2000Tiles(isYCbCr: Bool, halvings: Int = 3)
        /// One uncompressed strip.
        case strip
        /// One strip of JPEG with this many blocks from one restart marker to the next.
        case jpegStrip(restartInterval: Int)
    }

    /// The images of the file; in a pyramid the largest first. Sizes need not be multiples of the tile.
    package var levels: [Level]
    /// Pixels: multiples of 16 whose product is a multiple of 1024. OpenSlide 3.4.1 rejects other uncompressed tiles.
    package var tileWidth: Int
    package var tileHeight: Int
    package var variant: Variant

    package init(levels: [Level], tileWidth: Int, tileHeight: Int, variant: Variant = .classic) {
        (self.levels, self.tileWidth, self.tileHeight, self.variant) = (levels, tileWidth, tileHeight, variant)
    }

    package struct Level {
        package var width: Int
        package var height: Int
        package var storage = Storage.tiles
        package var pixel: (_ x: Int, _ y: Int, _ channel: Int) -> UInt8
        /// Text of the tag ImageDescription.
        package var description: String?
        /// Pixels per unit in either direction, and the unit: 2 for inches, 3 for centimeters.
        package var resolution: (x: Int, y: Int, unit: Int)?
        /// Further fields.
        package var fields = [Field]()

        package init(width: Int, height: Int, pixel: @escaping (_ x: Int, _ y: Int, _ channel: Int) -> UInt8) {
            (self.width, self.height, self.pixel) = (width, height, pixel)
        }
    }

    /// A field of a directory.
    package struct Field {
        let tag: Int
        let type: Int
        let count: Int
        let bytes: [UInt8]

        private init(_ tag: Int, type: Int, count: Int, _ bytes: [UInt8]) {
            (self.tag, self.type, self.count, self.bytes) = (tag, type, count, bytes)
        }

        package static func bytes(_ tag: Int, _ bytes: [UInt8]) -> Field {
            Field(tag, type: 1, count: bytes.count, bytes)
        }

        package static func text(_ tag: Int, _ text: String) -> Field {
            Field(tag, type: 2, count: text.utf8.count + 1, Array(text.utf8) + [0])
        }

        package static func shorts(_ tag: Int, _ values: [Int]) -> Field {
            Field(tag, type: 3, count: values.count, values.flatMap { little($0, 2) })
        }

        package static func longs(_ tag: Int, _ values: [Int]) -> Field {
            Field(tag, type: 4, count: values.count, values.flatMap { little($0, 4) })
        }

        package static func rational(_ tag: Int, _ numerator: Int, _ denominator: Int) -> Field {
            Field(tag, type: 5, count: 1, little(numerator, 4) + little(denominator, 4))
        }

        package static func signedLong(_ tag: Int, _ value: Int) -> Field {
            Field(tag, type: 9, count: 1, little(value, 4))
        }

        package static func float(_ tag: Int, _ value: Float) -> Field {
            Field(tag, type: 11, count: 1, little(Int(value.bitPattern), 4))
        }
    }

    package var bytes: [UInt8] {
        let (offsetBytes, linkBytes) = (variant == .big ? 8 : 4, variant == .classic ? 4 : 8)
        var file = Array("II".utf8) + (variant == .big ? [43, 0, 8, 0, 0, 0] : [42, 0])
        var link = file.count
        file += little(0, linkBytes)
        for (index, level) in levels.enumerated() {
            var (offsets, counts) = ([Int](), [Int]())
            for segment in segments(of: level) {
                offsets.append(file.count)
                counts.append(segment.count)
                file += segment
            }
            // In this order, values that do not fit in a directory follow the pixels.
            let fields = fields(of: level, isReduced: index > 0, offsets, counts)
            var entries = [(tag: Int, bytes: [UInt8])]()
            for field in fields {
                let fits = field.bytes.count <= offsetBytes
                let value =
                    fits
                    ? field.bytes + [UInt8](repeating: 0, count: offsetBytes - field.bytes.count)
                    : little(file.count, offsetBytes)
                if !fits { file += field.bytes }
                entries.append(
                    (field.tag, little(field.tag, 2) + little(field.type, 2) + little(field.count, offsetBytes) + value)
                )
            }
            entries.sort { $0.tag < $1.tag }
            file.replaceSubrange(link..<link + linkBytes, with: little(file.count, linkBytes))
            file += little(entries.count, variant == .big ? 8 : 2) + entries.flatMap(\.bytes)
            link = file.count
            file += little(0, linkBytes)
        }
        return file
    }

    private func fields(of level: Level, isReduced: Bool, _ offsets: [Int], _ counts: [Int]) -> [Field] {
        var fields: [Field]
        let compression: Int
        switch level.storage {
        case .tiles, .jpegTiles, .jpeg2000Tiles:
            fields = [.longs(324, offsets), .longs(325, counts), .longs(322, [tileWidth]), .longs(323, [tileHeight])]
            switch level.storage {
            case .tiles: compression = 1
            case .jpeg2000Tiles(let isYCbCr, _): compression = isYCbCr ? 33003 : 33005
            default: compression = 7
            }
        case .strip, .jpegStrip:
            fields = [.longs(273, offsets), .longs(279, counts), .longs(278, [level.height])]
            if case .strip = level.storage { compression = 1 } else { compression = 7 }
        }
        fields += [
            .longs(254, [isReduced ? 1 : 0]), .longs(256, [level.width]), .longs(257, [level.height]),
            .shorts(258, [8, 8, 8]), .shorts(259, [compression]), .shorts(262, [2]), .shorts(277, [3]),
            .shorts(284, [1]),
        ]
        if let description = level.description { fields.append(.text(270, description)) }
        if let (x, y, unit) = level.resolution {
            fields += [.rational(282, x, 1), .rational(283, y, 1), .shorts(296, [unit])]
        }
        return fields + level.fields
    }

    /// The tiles or the strip of an image.
    private func segments(of level: Level) -> [[UInt8]] {
        switch level.storage {
        case .tiles, .jpegTiles, .jpeg2000Tiles:
            return stride(from: 0, to: level.height, by: tileHeight).flatMap { top in
                stride(from: 0, to: level.width, by: tileWidth).map { left in
                    switch level.storage {
                    case .tiles: plain(level, left, top, tileWidth, tileHeight)
                    case .jpeg2000Tiles(let isYCbCr, let halvings): jpeg2000(level, left, top, isYCbCr, halvings)
                    default: jpeg(level, left, top, tileWidth, tileHeight)
                    }
                }
            }
        case .strip: return [plain(level, 0, 0, level.width, level.height)]
        case .jpegStrip(let interval): return [jpeg(level, 0, 0, level.width, level.height, interval)]
        }
    }

    private func plain(_ level: Level, _ left: Int, _ top: Int, _ width: Int, _ height: Int) -> [UInt8] {
        var pixels = [UInt8]()
        pixels.reserveCapacity(width * height * 3)
        for y in top..<top + height {
            for x in left..<left + width {
                let inside = x < level.width && y < level.height
                for channel in 0..<3 { pixels.append(inside ? level.pixel(x, y, channel) : 0) }
            }
        }
        return pixels
    }

    /// The channels of a tile are stored as they are, whatever they stand for.
    private func jpeg2000(_ level: Level, _ left: Int, _ top: Int, _ isYCbCr: Bool, _ halvings: Int) -> [UInt8] {
        var maker = JPEG2000Maker(width: tileWidth, height: tileHeight) { x, y, channel in
            let (x, y) = (left + x, top + y)
            return x < level.width && y < level.height ? level.pixel(x, y, channel) : 0
        }
        (maker.subsampling, maker.halvings) = (isYCbCr ? 2 : 1, halvings)
        return maker.bytes
    }

    private func jpeg(
        _ level: Level, _ left: Int, _ top: Int, _ width: Int, _ height: Int, _ restartInterval: Int = 0
    ) -> [UInt8] {
        JPEGMaker(
            width: width, height: height, components: 3, adobeTransform: 0, restartInterval: restartInterval
        ) { column, row, channel in
            let (x, y) = (left + 8 * column, top + 8 * row)
            return x < level.width && y < level.height ? Int(level.pixel(x, y, channel)) : 0
        }.bytes
    }
}

/// The lowest bytes of a number, the lowest first.
func little(_ value: Int, _ count: Int) -> [UInt8] {
    (0..<count).map { UInt8(truncatingIfNeeded: value >> (8 * $0)) }
}
