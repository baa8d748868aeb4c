import Foundations

/// Makes slides of the formats of scanner vendors, all of the same picture: squares whose color says where they are. Pixels
/// are exact, also those of JPEG.
package struct SlideMaker {
    package enum Format: String, CaseIterable, Sendable {
        case aperio, generic, leica, mirax, ndpi, ome, philips, trestle, ventana, vms

        /// Of the file that is opened.
        package var fileName: String {
            let ending =
                switch self {
                case .aperio: "svs"
                case .generic, .ome, .trestle: "tif"
                case .leica: "scn"
                case .mirax: "mrxs"
                case .ndpi: "ndpi"
                case .philips: "tiff"
                case .ventana: "bif"
                case .vms: "vms"
                }
            return "\(rawValue).\(ending)"
        }
    }

    /// Squares of the picture.
    package static let columns = 16
    package static let rows = 12

    /// Pixels of the full resolution per side of a square: a multiple of 32.
    package var square = 32
    package var nanometersPerPixel = 250
    /// Red, green and blue of a square.
    package var color: (_ column: Int, _ row: Int) -> [UInt8] = { column, row in
        [UInt8(20 + 14 * column), UInt8(20 + 18 * row), (column + row) % 2 == 0 ? 60 : 160]
    }
    /// Copies of the picture on a Leica slide, each 20 squares to the right of and 16 below the one before.
    package var regions = 1

    package init() {}

    /// Size of the picture in pixels of the full resolution.
    package var width: Int { Self.columns * square }
    package var height: Int { Self.rows * square }

    /// The place of the picture on the glass of MIRAX and Leica slides, in squares.
    package static let miraxPlace = (column: 5, row: 3)
    package static let leicaPlace = (column: 4, row: 7)

    /// Writes a slide. Returns the path of the file that is opened.
    @discardableResult package func write(_ format: Format, to folder: TemporaryFolder) throws -> FilePath {
        switch format {
        case .mirax: try writeMIRAX(folder, format.fileName)
        case .vms: try writeVMS(folder, format.fileName)
        case .aperio: try folder.file(format.fileName, aperio.bytes)
        case .generic: try folder.file(format.fileName, generic.bytes)
        case .leica: try folder.file(format.fileName, leica.bytes)
        case .ndpi: try folder.file(format.fileName, ndpi.bytes)
        case .ome: try folder.file(format.fileName, ome.bytes)
        case .philips: try folder.file(format.fileName, philips.bytes)
        case .trestle: try folder.file(format.fileName, trestle.bytes)
        case .ventana: try folder.file(format.fileName, ventana.bytes)
        }
        return folder.file(format.fileName)
    }

    /// A channel of the picture with 1 / `scale` of the pixels along each axis; white outside.
    package func pixel(_ x: Int, _ y: Int, _ channel: Int, scale: Int = 1) -> UInt8 {
        guard x >= 0, y >= 0, x * scale < width, y * scale < height else { return 255 }
        return color(x * scale / square, y * scale / square)[channel]
    }

    /// Rows of 3 bytes per pixel.
    package func pixels(scale: Int = 1) -> [UInt8] {
        (0..<height / scale).flatMap { y in
            (0..<width / scale).flatMap { x in color(x * scale / square, y * scale / square) }
        }
    }

    /// The picture as a JPEG file.
    func jpeg(scale: Int, columns: Range<Int>? = nil, restartInterval: Int = 0) -> [UInt8] {
        let columns = columns ?? 0..<width / scale
        return JPEGMaker(
            width: columns.count, height: height / scale, components: 3, adobeTransform: 0,
            restartInterval: restartInterval
        ) { Int(pixel(columns.lowerBound + 8 * $0, 8 * $1, $2, scale: scale)) }.bytes
    }
}

// Formats in TIFF files.
extension SlideMaker {
    private static let scales = [1, 2, 4]
    /// Of tiles in formats that do not prescribe whole tiles.
    private var partialTile: (width: Int, height: Int) { (3 * square, 2 * square) }

    private func level(_ scale: Int) -> TIFFMaker.Level {
        TIFFMaker.Level(width: width / scale, height: height / scale) { pixel($0, $1, $2, scale: scale) }
    }

    private func pyramid(_ levels: [TIFFMaker.Level]) -> TIFFMaker {
        TIFFMaker(levels: levels, tileWidth: partialTile.width, tileHeight: partialTile.height)
    }

    private func jpegLevel(_ scale: Int) -> TIFFMaker.Level {
        var level = level(scale)
        level.storage = .jpegTiles
        return level
    }

    private var micronsPerPixel: Double { Double(nanometersPerPixel) / 1000 }

    package var generic: TIFFMaker {
        pyramid(
            Self.scales.map { scale in
                var level = level(scale)
                level.resolution = (10_000_000 / nanometersPerPixel / scale, 10_000_000 / nanometersPerPixel / scale, 3)
                return level
            })
    }

    package var ome: TIFFMaker {
        var levels = Self.scales.map(level)
        levels[0].description = """
            <?xml version="1.0" encoding="UTF-8"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06">\
            <Image ID="Image:0"><Pixels ID="Pixels:0" DimensionOrder="XYCZT" Type="uint8" SizeX="\(width)" \
            SizeY="\(height)" SizeC="3" SizeZ="1" SizeT="1" PhysicalSizeX="\(micronsPerPixel)" PhysicalSizeXUnit="µm" \
            PhysicalSizeY="\(micronsPerPixel)" PhysicalSizeYUnit="µm"><Channel ID="Channel:0" SamplesPerPixel="3"/>\
            <TiffData IFD="0" PlaneCount="1"/></Pixels></Image></OME>
            """
        return pyramid(levels)
    }

    /// A pyramid with a thumbnail after the full resolution.
    package var aperio: TIFFMaker {
        var levels = Self.scales.map(jpegLevel)
        levels[0].description =
            "Aperio Image Library v11.2.1\r\n\(width)x\(height) (\(partialTile.width)x\(partialTile.height)) "
            + "JPEG/RGB Q=95|AppMag = 20|MPP = \(micronsPerPixel)"
        var thumbnail = TIFFMaker.Level(width: 64, height: 48) { _, _, _ in 99 }
        thumbnail.storage = .strip
        levels.insert(thumbnail, at: 1)
        return pyramid(levels)
    }

    /// Two resolutions with restart markers, and a photograph of the glass.
    package var ndpi: TIFFMaker {
        func image(_ scale: Int, lens: Float, _ storage: TIFFMaker.Storage) -> TIFFMaker.Level {
            var level = level(scale)
            level.storage = storage
            level.resolution = (10_000_000 / nanometersPerPixel / scale, 10_000_000 / nanometersPerPixel / scale, 3)
            level.fields = [
                .text(271, "Hamamatsu"), .text(272, "NanoZoomer"), .longs(65420, [1]), .float(65421, lens),
                .signedLong(65422, 0), .signedLong(65423, 0), .signedLong(65424, 0),
            ]
            return level
        }
        var macro = image(4, lens: -1, .jpegStrip(restartInterval: 0))
        macro.pixel = { _, _, _ in 235 }
        let levels = [
            image(1, lens: 20, .jpegStrip(restartInterval: 8)), image(4, lens: 5, .jpegStrip(restartInterval: 8)),
            macro,
        ]
        return TIFFMaker(levels: levels, tileWidth: 0, tileHeight: 0, variant: .ndpi)
    }

    /// The picture on a larger glass, of which the first image is a photograph.
    package var leica: TIFFMaker {
        let glass = 44 * square
        let places = (0..<regions).map { region in
            (x: (Self.leicaPlace.column + 20 * region) * square, y: (Self.leicaPlace.row + 16 * region) * square)
        }
        func image(_ directories: Range<Int>, _ x: Int, _ y: Int, _ width: Int, _ height: Int) -> String {
            let dimensions = zip(directories, Self.scales).enumerated().map { index, level in
                let scale = directories.count == 1 ? 8 : level.1
                return """
                    <dimension sizeX="\(width / scale)" sizeY="\(height / scale)" r="\(index)" ifd="\(level.0)"/>
                    """
            }
            let (offsetX, offsetY) = (x * nanometersPerPixel, y * nanometersPerPixel)
            return """
                <image name="image"><creationDate>2012-01-01T00:00:00Z</creationDate><device model="m" version="1"/>\
                <pixels sizeX="\(width)" sizeY="\(height)">\(dimensions.joined())</pixels>\
                <view sizeX="\(width * nanometersPerPixel)" sizeY="\(height * nanometersPerPixel)" offsetX="\(offsetX)" \
                offsetY="\(offsetY)" spacingZ="0"/><scanSettings><objectiveSettings><objective>20</objective>\
                </objectiveSettings><illuminationSettings><numericalAperture>0.4</numericalAperture>\
                <illuminationSource>brightfield</illuminationSource></illuminationSettings></scanSettings></image>
                """
        }
        var photograph = TIFFMaker.Level(width: glass / 8, height: glass / 8) { _, _, _ in 235 }
        photograph.storage = .jpegTiles
        let images = places.enumerated().map { index, place in
            image(1 + 3 * index..<4 + 3 * index, place.x, place.y, width, height)
        }
        photograph.description = """
            <?xml version="1.0"?><scn xmlns="http://www.leica-microsystems.com/scn/2010/10/01" uuid="u">\
            <collection name="c" uuid="u" sizeX="\(glass * nanometersPerPixel)" sizeY="\(glass * nanometersPerPixel)">\
            <barcode>eA==</barcode>\(image(0..<1, 0, 0, glass, glass))\(images.joined())</collection></scn>
            """
        let pictures = places.flatMap { _ in
            Self.scales.map { scale in
                var level = jpegLevel(scale)
                level.resolution = (10_000_000 / nanometersPerPixel / scale, 10_000_000 / nanometersPerPixel / scale, 3)
                return level
            }
        }
        var file = pyramid([photograph] + pictures)
        file.variant = .big
        return file
    }

    /// Levels that are stored as whole tiles: the smallest is padded.
    package var philips: TIFFMaker {
        let tile = 2 * square
        func spacing(_ scale: Int) -> String {
            let millimeters = Double(nanometersPerPixel * scale) / 1_000_000
            return """
                <Attribute Name="DICOM_PIXEL_SPACING" Group="0x0028" Element="0x0030" PMSVR="IDoubleArray">\
                &quot;\(millimeters)&quot; &quot;\(millimeters)&quot;</Attribute>
                """
        }
        let representations = Self.scales.map {
            "<DataObject ObjectType=\"PixelDataRepresentation\">\(spacing($0))</DataObject>"
        }
        var levels = Self.scales.map { scale in
            var level = TIFFMaker.Level(
                width: (width / scale + tile - 1) / tile * tile, height: (height / scale + tile - 1) / tile * tile
            ) { pixel($0, $1, $2, scale: scale) }
            level.storage = .jpegTiles
            return level
        }
        levels[0].fields = [.text(305, "Philips DP v1.0")]
        levels[0].description = """
            <?xml version="1.0" encoding="UTF-8" ?><DataObject ObjectType="DPUfsImport">\
            <Attribute Name="DICOM_MANUFACTURER">PHILIPS</Attribute><Attribute Name="PIM_DP_SCANNED_IMAGES"><Array>\
            <DataObject ObjectType="DPScannedImage"><Attribute Name="PIM_DP_IMAGE_TYPE">WSI</Attribute>\(spacing(1))\
            <Attribute Name="PIIM_PIXEL_DATA_REPRESENTATION_SEQUENCE"><Array>\(representations.joined())</Array>\
            </Attribute></DataObject></Array></Attribute></DataObject>
            """
        return TIFFMaker(levels: levels, tileWidth: tile, tileHeight: tile)
    }

    /// Tiles that overlap by an eighth from left to right. In lower levels a tile has several of them. The first image is a
    /// photograph of the glass.
    package var ventana: TIFFMaker {
        let (tile, overlap) = (2 * square, square / 4)
        let (across, down) = ((width - overlap) / (tile - overlap), height / tile)
        // Tiles are numbered from the lower left corner, in turns to the right and to the left.
        func number(_ column: Int, _ row: Int) -> Int {
            let fromBelow = down - 1 - row
            return fromBelow * across + (fromBelow % 2 == 0 ? column : across - 1 - column) + 1
        }
        func joint(_ first: Int, _ second: Int, _ direction: String, _ overlap: Int) -> String {
            """
            <TileJointInfo FlagJoined="1" Confidence="100" Direction="\(direction)" Tile1="\(first)" Tile2="\(second)" \
            OverlapX="\(overlap)" OverlapY="0"/>
            """
        }
        var joints = ""
        for row in 0..<down {
            for column in 0..<across {
                if column > 0 { joints += joint(number(column - 1, row), number(column, row), "RIGHT", overlap) }
                if row > 0 { joints += joint(number(column, row), number(column, row - 1), "UP", 0) }
            }
        }
        var levels = Self.scales.enumerated().map { index, scale in
            let (side, step) = (tile / scale, (tile - overlap) / scale)
            var level = TIFFMaker.Level(width: across * side, height: height / scale) { x, y, channel in
                pixel(x / side * step + x % side, y, channel, scale: scale)
            }
            level.description = "level=\(index) mag=\(20 / scale) quality=95"
            return level
        }
        levels[0].fields = [
            .bytes(
                700,
                Array(
                    """
                    <?xml version="1.0"?><EncodeInfo Ver="2"><SlideStitchInfo><ImageInfo AOIScanned="1" AOIIndex="0" \
                    NumRows="\(down)" NumCols="\(across)" Width="\(tile)" Height="\(tile)" Pos-X="0" Pos-Y="0">\
                    \(joints)</ImageInfo></SlideStitchInfo><AoiOrigin><AOI0 OriginX="0" OriginY="0"/>\
                    </AoiOrigin></EncodeInfo>
                    """.utf8))
        ]
        var photograph = TIFFMaker.Level(width: tile, height: tile) { _, _, _ in 235 }
        photograph.description = "Label Image"
        photograph.fields = [
            .bytes(
                700,
                Array(
                    """
                    <?xml version="1.0"?><iScan Magnification="20" ScanRes="\(micronsPerPixel)" UnitNumber="1"></iScan>
                    """.utf8))
        ]
        return TIFFMaker(levels: [photograph] + levels, tileWidth: tile, tileHeight: tile)
    }

    /// Tiles that overlap by an eighth in the full resolution, by a sixteenth in the next, and not at all in the last.
    package var trestle: TIFFMaker {
        let tile = 2 * square
        let overlaps = [square / 4, square / 8, 0]
        var levels = zip(Self.scales, overlaps).map { (scale: Int, overlap: Int) -> TIFFMaker.Level in
            let step = tile - overlap
            func stored(_ length: Int) -> Int {
                let tiles = (length - overlap + step - 1) / step
                return length + (tiles - 1) * overlap
            }
            var level = TIFFMaker.Level(width: stored(width / scale), height: stored(height / scale)) { x, y, channel in
                pixel(x / tile * step + x % tile, y / tile * step + y % tile, channel, scale: scale)
            }
            level.fields = [
                .rational(282, nanometersPerPixel * scale, 1000), .rational(283, nanometersPerPixel * scale, 1000),
                .text(305, "MedScan 1.0"),
            ]
            return level
        }
        levels[0].description = """
            Background Color=FFFFFF;Objective Power=20;\
            OverlapsXY= \(overlaps[0]) \(overlaps[0]) \(overlaps[1]) \(overlaps[1])
            """
        return TIFFMaker(levels: levels, tileWidth: tile, tileHeight: tile)
    }
}
