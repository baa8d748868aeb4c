import Foundations

// Formats of several files.
extension SlideMaker {
    /// An index, two images side by side, an image of a quarter of the resolution, and a photograph of the glass.
    func writeVMS(_ folder: TemporaryFolder, _ name: String) throws {
        let half = width / 2
        try folder.file("vms.jpg", jpeg(scale: 1, columns: 0..<half, restartInterval: 8))
        try folder.file("vms(1,0).jpg", jpeg(scale: 1, columns: half..<width, restartInterval: 8))
        try folder.file("vms_map2.jpg", jpeg(scale: 4, restartInterval: 8))
        try folder.file(
            "vms_macro.jpg", JPEGMaker(width: 64, height: 64, components: 3, adobeTransform: 0) { _, _, _ in 235 }.bytes
        )
        try folder.file(
            name,
            """
            [Virtual Microscope Specimen]
            NoLayers=1
            NoJpegColumns=2
            NoJpegRows=1
            ImageFile=vms.jpg
            ImageFile(1,0)=vms(1,0).jpg
            MapFile=vms_map2.jpg
            MacroImage=vms_macro.jpg
            OptimisationFile=vms.opt
            SourceLens=20
            PhysicalWidth=\(width * nanometersPerPixel)
            PhysicalHeight=\(height * nanometersPerPixel)

            """)
    }

    /// A preview, and a folder with an index and the images: one per square in the full resolution, on a part of the glass.
    func writeMIRAX(_ folder: TemporaryFolder, _ name: String) throws {
        let (places, levels) = (32, 3)
        let identity = "0123456789ABCDEF0123456789ABCDEF"
        var (data, pages) = ([UInt8](repeating: 0, count: 64), [[UInt8]]())
        for level in 0..<levels {
            let scale = 1 << level
            var page = [UInt8]()
            for row in stride(from: 0, to: places, by: scale) {
                for column in stride(from: 0, to: places, by: scale) {
                    let (left, top) = (column - Self.miraxPlace.column, row - Self.miraxPlace.row)
                    guard left + scale > 0, top + scale > 0, left < Self.columns, top < Self.rows else { continue }
                    let image = JPEGMaker(width: square, height: square, components: 3, adobeTransform: 0) {
                        x, y, channel in
                        Int(
                            pixel(left * square / scale + 8 * x, top * square / scale + 8 * y, channel, scale: scale))
                    }.bytes
                    page += [row * places + column, data.count, image.count, 0].flatMap { little($0, 4) }
                    data += image
                }
            }
            pages.append(page)
        }
        // After the identity, pointers to the levels' pointers and to the other records, of which there are none.
        var index = Array("01.02\(identity)".utf8)
        let table = index.count + 8
        index += little(table, 4) + little(0, 4)
        var records = [UInt8]()
        for page in pages {
            let place = table + 4 * levels + records.count
            index += little(place, 4)
            records += little(0, 4) + little(place + 8, 4) + little(page.count / 16, 4) + little(0, 4) + page
        }
        let parts = folder.file(name).removingExtension
        try Folder.make(parts)
        try folder.file("\(parts.name)/Index.dat", index + records)
        try folder.file("\(parts.name)/Data0000.dat", data)
        try folder.file("\(parts.name)/Slidedat.ini", slidedat(identity, places: places, levels: levels))
        try folder.file(name, jpeg(scale: 4))
    }

    private func slidedat(_ identity: String, places: Int, levels: Int) -> String {
        let names = (0..<levels).map {
            "HIER_0_VAL_\($0) = ZoomLevel_\($0)\nHIER_0_VAL_\($0)_SECTION = LAYER_0_LEVEL_\($0)_SECTION\n"
        }
        let sections = (0..<levels).map { level in
            """
            [LAYER_0_LEVEL_\(level)_SECTION]
            OVERLAP_X = 0
            OVERLAP_Y = 0
            MICROMETER_PER_PIXEL_X = \(Double(nanometersPerPixel << level) / 1000)
            MICROMETER_PER_PIXEL_Y = \(Double(nanometersPerPixel << level) / 1000)
            IMAGE_FORMAT = JPEG
            IMAGE_FILL_COLOR_BGR = 16777215
            DIGITIZER_WIDTH = \(square)
            DIGITIZER_HEIGHT = \(square)
            IMAGE_CONCAT_FACTOR = \(level == 0 ? 0 : 1)


            """
        }
        return """
            [GENERAL]
            SLIDE_VERSION = 01.02
            SLIDE_ID = \(identity)
            IMAGENUMBER_X = \(places)
            IMAGENUMBER_Y = \(places)
            OBJECTIVE_MAGNIFICATION = 20
            CameraImageDivisionsPerSide = 1

            [HIERARCHICAL]
            HIER_COUNT = 1
            HIER_0_NAME = Slide zoom level
            HIER_0_COUNT = \(levels)
            \(names.joined())NONHIER_COUNT = 0
            INDEXFILE = Index.dat

            \(sections.joined())[DATAFILE]
            FILE_COUNT = 1
            FILE_0 = Data0000.dat

            """
    }
}
