import Foundation
import Foundations
import Imaging
import Masking
import NeuralNetworks
import Tensors
import TestSupport
import Testing

@Suite(.kernelTurns) struct ResolutionTests {
    @Test func cellsAreInPixelsAtFullResolution() throws {
        var cases = [(image: Int, laid: Int, tile: Int, stride: Int)]()
        for (image, laid) in [(1000, 500), (1000, 499), (1000, 1000), (500, 1233), (37, 20), (90, 8)] {
            for (tile, stride) in [(32, 8), (16, 16), (20, 7)] { cases.append((image, laid, tile, stride)) }
        }
        try sweep(cases) { item, _ in
            for edges in EdgeRule.allCases {
                let scale = WindowAxis.Scale(image: item.image, laid: item.laid)
                let axis = WindowAxis(
                    length: max(item.laid, item.tile), tile: item.tile, stride: item.stride, edges: edges, scale: scale)
                try #require(axis.cells.first?.pixels.lowerBound == 0)
                try #require(axis.cells.allSatisfy { !$0.pixels.isEmpty })
                for (cell, next) in zip(axis.cells, axis.cells.dropFirst()) {
                    try #require(cell.pixels.upperBound == next.pixels.lowerBound)
                }
                let end = try #require(axis.cells.last?.pixels.upperBound)
                try #require(item.laid >= item.tile ? end == item.image : end >= item.image)
                for cell in axis.cells {
                    for window in axis.starts.indices {
                        let pixels = axis.imagePixels(ofWindow: window)
                        let covers =
                            pixels.lowerBound <= cell.pixels.lowerBound && cell.pixels.upperBound <= pixels.upperBound
                        try #require(cell.windows.contains(window) == covers, "window \(window), cell \(cell)")
                    }
                }
            }
        }
    }

    @Test func masksHaveTheImagesSize() throws {
        var settings = MaskSettings()
        settings.stride = 8
        settings.threshold = -1
        let predictor = try WindowPredictor(maskModels(smallModel()), settings: settings, batchSize: 7)
        let pixels = (0..<150 * 90 * 3).map { UInt8(Formula.bits(5, $0) >> 56) }
        for (width, height) in [(75, 45), (150, 90), (301, 200), (20, 100)] {
            let source = ArrayBlocks(width: 150, height: 90, pixels: pixels)
            let scaled = ScaledBlockReader(source, width: width, height: height)
            let found = try predictor.predict(scaled).windows
            let writer = ArrayWriter(width: 150, height: 90, channels: 1)
            let summary = try predictor.writeMask(found, width: 150, height: 90, to: writer)
            #expect(summary.nuclei == 150 * 90 && writer.pixels.allSatisfy { $0 == 255 })
            // The same pixels as an image of their own.
            let block = PixelBlock()
            try scaled.read(PixelRegion(x: 0, y: 0, width: width, height: height), into: block)
            let plain = try predictor.predict(
                ArrayReader(width: width, height: height, pixels: Array(block.bytes))
            ).windows
            try compare("\(width)", Array(found.values), Array(plain.values), Tolerance(absolute: 1e-6))
        }
    }

    @Test func cropsAreTreatedAsHavingTheModelsResolution() throws {
        let folder = NSTemporaryDirectory() + "resolution-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let path = folder + "/a.png"
        let writer = try PNGWriter(path: FilePath(path), width: 100, height: 60, channels: .rgb)
        try [UInt8](repeating: 9, count: 18000).withUnsafeBytes { try writer.write(rows: $0, count: 60) }
        try writer.finish()
        func open(_ choice: ResolutionChoice, _ wanted: Double?) throws(FileError) -> SlideImage {
            try SlideImage.open(FilePath(path), at: choice, modelMicronsPerPixel: wanted)
        }
        let plain = try open(.model, 0.5)
        #expect(plain.blocks.width == 100 && plain.resolutionSource == .model && plain.micronsPerPixel == nil)
        #expect(plain.notes.isEmpty)
        #expect(
            plain.warnings == [
                "states no resolution of a microscope; treated as having the model's 0.5 microns per pixel (see --mpp)"
            ])
        let half = try open(.init(micronsPerPixel: 0.25), 0.5)
        #expect(half.blocks.width == 50 && half.blocks.height == 30 && half.blocks.imageWidth == 100)
        #expect(half.notes == ["resampled from 0.25 to 0.5 microns per pixel: 50 x 30 pixels"])
        #expect(half.resolutionSource == .user)
        #expect(try open(.init(micronsPerPixel: 0.504), 0.5).blocks.width == 100)
        let coarse = try open(.init(micronsPerPixel: 1), 0.5)
        #expect(coarse.blocks.width == 200)
        #expect(coarse.warnings == ["the full resolution has only 1 microns per pixel, the model was trained at 0.5"])
        #expect(
            throws: FileError(
                FilePath(path), expected: "at most 16 times more microns per pixel than the model's 0.5", found: "9")
        ) {
            _ = try open(.init(micronsPerPixel: 9), 0.5)
        }
        let unknown = try open(.model, nil)
        #expect(unknown.blocks.width == 100 && unknown.notes.isEmpty && unknown.resolutionSource == .unknown)
        let known = try open(.init(micronsPerPixel: 1), nil)
        #expect(known.blocks.width == 100 && known.micronsPerPixel?.x == 1)
        #expect(throws: FileError(FilePath(path), expected: "a slide with levels", found: "an image without levels")) {
            _ = try open(.init(level: 0), 0.5)
        }
    }

    /// A level that the user chooses has the model's resolution, if the slide states none.
    @Test func levelsOfSlidesWithoutAResolution() throws {
        let folder = try TemporaryFolder()
        var bytes = SlideMaker().aperio.bytes
        let key = try #require(bytes.firstRange(of: Array("MPP".utf8)))
        bytes.replaceSubrange(key, with: "---".utf8)
        let path = try folder.file("a.svs", bytes)
        let image = try SlideImage.open(path, at: .init(level: 1), modelMicronsPerPixel: 0.5)
        #expect(image.resolutionSource == .model && image.micronsPerPixel == nil)
        #expect(
            image.warnings == [
                "states no resolution of a microscope; level 1 is treated as having the model's 0.5 microns per pixel (see --mpp)"
            ])
        #expect(image.blocks.width == image.width / 2 && image.micronsPerPixel(assuming: 0.5) == (0.25, 0.25))
    }

    /// JPEG tiles are decoded at half the size of a level where that is fine enough.
    @Test func halfSize() throws {
        let folder = try TemporaryFolder()
        func open(_ wanted: Double) throws -> SlideImage {
            var maker = SlideMaker()
            maker.square = 64
            let path = try maker.write(.aperio, to: folder)
            return try SlideImage.open(path, at: .model, modelMicronsPerPixel: wanted)
        }
        // The levels have 0.25, 0.5 and 1 microns per pixel.
        for (wanted, reading, width) in [
            (0.25, "level 0", 1024), (0.26, "level 0, resampled", 985), (0.492, "level 0 at half size", 512),
            (0.5, "level 1", 512), (0.97, "level 1, resampled", 264),
            (0.985, "level 1 at half size", 256), (1, "level 2", 256), (2, "level 2 at half size", 128),
            (2.4, "level 2 at half size, resampled", 107),
        ] {
            let image = try open(wanted)
            #expect(image.reading == reading && image.blocks.width == width, "\(wanted): \(image.reading)")
            #expect(image.blocks.imageWidth == 1024)
            let block = PixelBlock()
            try image.blocks.read(
                PixelRegion(x: 0, y: 0, width: image.blocks.width, height: image.blocks.height), into: block)
            // The square in the middle has the color of its place.
            let (x, y) = (image.blocks.width * 17 / 32, image.blocks.height * 13 / 24)
            let place = 3 * (y * image.blocks.width + x)
            let color = withExtendedLifetime(block) { block.bytes[place..<place + 3].map { Int($0) } }
            #expect(zip(color, [20 + 14 * 8, 20 + 18 * 6, 60]).allSatisfy { abs($0 - $1) <= 2 }, "\(wanted): \(color)")
        }
    }

    /// JPEG images are decoded at half their size where they are fine enough. Other images are not.
    @Test func halfSizeOfJPEGImages() throws {
        let folder = try TemporaryFolder()
        let (width, height) = (301, 203)
        func color(_ x: Double, _ y: Double) -> [UInt8] {
            [UInt8(x / Double(width) * 255), UInt8(y / Double(height) * 200), 128]
        }
        func save(_ name: String) throws -> FilePath {
            let writer = try openImageForWriting(folder.file(name), width: width, height: height)
            for y in 0..<height {
                let row = (0..<width).flatMap { color(Double($0) + 0.5, Double(y) + 0.5) }
                try writer.write(rows: row.span.bytes, count: 1)
            }
            try writer.finish()
            return folder.file(name)
        }
        let (jpeg, png) = (try save("a.jpg"), try save("a.png"))
        for (wanted, reading, size, isHalved) in [
            (0.25, "as it is", (301, 203), false), (0.4, "resampled", (188, 127), false),
            (0.49, "resampled", (154, 104), false), (0.492, "at half size", (151, 102), true),
            (0.5, "at half size", (151, 102), true), (0.6, "at half size, resampled", (125, 85), true),
        ] {
            let choice = ResolutionChoice(micronsPerPixel: 0.25)
            let opened = try SlideImage.open(jpeg, at: choice, modelMicronsPerPixel: wanted)
            #expect(opened.reading == reading && (opened.blocks.width, opened.blocks.height) == size, "\(wanted)")
            #expect((opened.width, opened.height) == (width, height))
            let other = try SlideImage.open(png, at: choice, modelMicronsPerPixel: wanted)
            #expect(other.reading == (isHalved ? "resampled" : reading), "\(wanted)")
            for blocks in [opened.blocks, other.blocks] {
                let block = PixelBlock()
                try blocks.read(PixelRegion(x: 0, y: 0, width: blocks.width, height: blocks.height), into: block)
                let pixels = withExtendedLifetime(block) { Array(block.bytes) }
                let (across, down) = (301 / Double(blocks.width), 203 / Double(blocks.height))
                let differences = (0..<blocks.width * blocks.height).flatMap { index in
                    let (y, x) = index.quotientAndRemainder(dividingBy: blocks.width)
                    let expected = color((Double(x) + 0.5) * across, (Double(y) + 0.5) * down)
                    return zip(expected, pixels[(3 * index)...]).map { abs(Int($0) - Int($1)) }
                }
                #expect(differences.max()! <= 5, "\(wanted), \(blocks.path)")
            }
        }
        let rows = try #require(try openBlocks(jpeg) as? RowBlockReader)
        #expect(try rows.halved()?.imageWidth == width)
        #expect(try (openBlocks(png) as? RowBlockReader)?.halved() == nil)
    }

    /// A slide states its resolution, which `--mpp` replaces only with `--mpp-override`.
    @Test(.enabled(if: RealImages.slide != nil, RealImages.missing)) func whatASlideStatesIsUsed() throws {
        let path = try #require(RealImages.slide)
        let filled = try SlideImage.open(path, at: .init(micronsPerPixel: 0.25), modelMicronsPerPixel: 0.5)
        #expect(filled.blocks.width == 2220 && filled.resolutionSource == .image)
        #expect(filled.notes == ["the image states 0.499 microns per pixel, which is used instead of 0.25"])
        let replaced = try SlideImage.open(
            path, at: .init(micronsPerPixel: 0.25, overrides: true), modelMicronsPerPixel: 0.5)
        #expect(
            replaced.blocks.width == 1110 && replaced.resolutionSource == .user && replaced.micronsPerPixel?.x == 0.25)
        let level = try SlideImage.open(path, at: .init(level: 0), modelMicronsPerPixel: 0.25)
        #expect(level.blocks.width == 2220)
        #expect(level.warnings == ["windows have 0.499 microns per pixel, the model was trained at 0.25"])
    }

    @Test(.enabled(if: RealImages.slide != nil, RealImages.missing))
    func slidesAreResampledToTheModelsResolution() throws {
        let path = try #require(RealImages.slide)
        func size(_ wanted: Double?, _ choice: ResolutionChoice = .model) throws -> [Int] {
            let reader = try SlideImage.open(path, at: choice, modelMicronsPerPixel: wanted).blocks
            #expect(reader.imageWidth == 2220 && reader.imageHeight == 2967)
            return [reader.width, reader.height]
        }
        #expect(try size(0.5) == [2220, 2967])
        #expect(try size(nil) == [2220, 2967])
        #expect(try size(0.998) == [1110, 1484])
        #expect(try size(0.25) == [4431, 5922])
        #expect(try size(1, .init(micronsPerPixel: 0.25, overrides: true)) == [555, 742])
        #expect(try size(1, .init(level: 0)) == [2220, 2967])
        #expect(throws: FileError(path, expected: "a slide with a level 3", found: "level 0 only")) {
            _ = try SlideImage.open(path, at: .init(level: 3), modelMicronsPerPixel: 1)
        }
    }
}
