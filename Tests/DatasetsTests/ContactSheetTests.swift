import Datasets
import Foundations
import Imaging
import TestSupport
import Testing

@Suite(.kernelTurns) struct ContactSheetTests {
    @Test func boundariesAreGreenAndMoveWithTheTile() throws {
        let folder = try DatasetFolder()
        try folder.labels("filename,label,mask\na.png,,m.png\nb.png,NUCLEI,\n")
        func isNucleus(_ x: Int, _ y: Int) -> Bool { (10..<50).contains(x) && (20..<44).contains(y) }
        for name in ["a.png", "b.png"] {
            try folder.image(name, 64, 64) { x, y in isNucleus(x, y) ? [90, 0, 90] : [240, 200, 240] }
        }
        try folder.mask("m.png", 64, 64) { x, y in isNucleus(x, y) ? 1 : 0 }
        let set = try TileSet(path: FilePath(folder.path), target: TileTarget(side: 64), threads: 1)
        var settings = AugmentationSettings()
        settings.geometry.horizontalFlip = 1
        let sheet = ContactSheet(set, tiles: [0, 1], variants: 1, seed: 1, epoch: 1, settings: settings)
        let path = FilePath("\(folder.path)/sheet.png")
        try sheet.write(
            to: openImageForWriting(path, width: sheet.width, height: sheet.height), threads: 1, afterEach: {})
        let image = try RGBImage(decoding: path)
        #expect(image.width == 144 && image.height == 144)
        func color(_ column: Int, _ row: Int, _ x: Int, _ y: Int) -> [UInt8] {
            let start = ((row * 72 + 4 + y) * image.width + column * 72 + 4 + x) * 3
            return Array(image.pixels[start..<start + 3])
        }
        let (green, inside, outside): ([UInt8], [UInt8], [UInt8]) = ([0, 255, 0], [90, 0, 90], [240, 200, 240])
        for x in 0..<64 {
            let expected = !isNucleus(x, 30) ? outside : x == 10 || x == 49 ? green : inside
            #expect(color(0, 0, x, 30) == expected && color(1, 0, 63 - x, 30) == expected)
            #expect(color(0, 1, x, 30) == (isNucleus(x, 30) ? inside : outside), "no outlines")
        }
        #expect(color(0, 0, 20, 20) == green && color(0, 0, 20, 43) == green)
    }
}
