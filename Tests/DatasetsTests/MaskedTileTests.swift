import Datasets
import Foundations
import Imaging
import TestSupport
import Testing

/// Images of any size, with resolutions and label images.
@Suite(.kernelTurns) struct MaskedTileTests {
    private func set(_ folder: DatasetFolder, _ target: TileTarget = TileTarget(), threads: Int = 2) throws -> TileSet {
        try TileSet(path: FilePath(folder.path), target: target, threads: threads)
    }

    private func names(_ set: TileSet) -> [String] { set.tiles.map(\.filename) }

    private func pixels(_ set: TileSet, _ index: Int) -> [UInt8] { set.withPixels(of: index) { Array($0) } }

    private func map(_ set: TileSet, _ index: Int) -> [UInt8]? { set.classMap(of: index).map { Array($0) } }

    @Test func largeImagesAreCutAndTheLastTilesAreMovedBack() throws {
        let folder = try DatasetFolder()
        try folder.labels("filename,label,group\na.png,NUCLEI,\nb.png,NO_NUCLEUS,slide\nc.png,NUCLEI,slide\n")
        try folder.image("a.png", 300, 512) { x, y in [UInt8(x % 256), UInt8(y % 256), UInt8(x / 256 + 2 * (y / 256))] }
        try folder.image("b.png", 256, 600) { x, y in [1, UInt8(y % 256), 7] }
        try folder.image("c.png", 256, 256) { x, y in [UInt8(y), UInt8(x), 9] }
        for threads in [1, 3] {
            let set = try set(folder, threads: threads)
            #expect(
                names(set) == [
                    "a.png@0,0", "a.png@44,0", "a.png@0,256", "a.png@44,256", "b.png@0,0", "b.png@0,256",
                    "b.png@0,344", "c.png",
                ])
            #expect(set.tiles.prefix(4).count { $0.label == .nuclei } == 1 && set.labeled.count == 5)
            #expect(set.tiles.map(\.label).suffix(4) == [.noNucleus, .noNucleus, .noNucleus, .nuclei])
            #expect(set.tiles.map(\.group) == ["a.png", "a.png", "a.png", "a.png", "slide", "slide", "slide", "slide"])
            for tile in set.tiles {
                #expect(tile.truth == (tile.label == .noNucleus ? .absent : tile.label == .nuclei ? .any : .none))
            }
            #expect(set.hasGroups && set.tiles.allSatisfy { $0.outlines == nil } && set.classMap(of: 4) == nil)
            let last = pixels(set, 3)
            #expect(last.prefix(3) == [44, 0, 2] && last.suffix(3) == [UInt8(299 % 256), 255, 3])
            #expect(
                pixels(set, 6)[1] == UInt8(344 % 256)
                    && pixels(set, 7)[(10 * 256 + 4) * 3..<(10 * 256 + 5) * 3] == [10, 4, 9])
        }
        try folder.labels("filename,label\na.png,NUCLEI\n")
        #expect(try !set(folder).hasGroups)
        // A file that has the name of a tile.
        try folder.labels("filename,label\na.png,NUCLEI\n\"a.png@44,0\",NUCLEI\n")
        try folder.image("a.png@44,0", 256, 256) { _, _ in [1, 2, 3] }
        #expect(
            folder.message()
                == "a.png: expected tiles of this image with names of their own, found a file a.png@44,0 (labels.csv:2)"
        )
    }

    /// Of a cut image with nuclei, the tile with the densest hematoxylin is known to have one.
    @Test func theDensestTileOfAnImageHasNuclei() throws {
        let folder = try DatasetFolder()
        try folder.labels("filename,label\na.png,NUCLEI\nb.png,NUCLEI\nc.png,\nd.png,NO_NUCLEUS\n")
        func draw(_ name: String, _ spots: [(x: Int, y: Int, color: [UInt8])]) throws {
            try folder.image(name, 300, 512) { x, y in
                spots.first { abs($0.x - x) < 8 && abs($0.y - y) < 8 }?.color ?? [235, 200, 225]
            }
        }
        let (nucleus, pale, ink): ([UInt8], [UInt8], [UInt8]) = ([90, 60, 150], [150, 110, 190], [250, 20, 20])
        try draw("a.png", [(30, 20, pale), (280, 400, nucleus), (30, 400, ink)])
        // The same nucleus in two tiles that overlap.
        try draw("b.png", [(150, 100, nucleus), (30, 400, pale)])
        try draw("c.png", [(30, 20, nucleus)])
        try draw("d.png", [])
        let set = try set(folder)
        #expect(set.tiles.map { $0.label == .nuclei }.prefix(4) == [false, false, false, true])
        #expect(set.tiles.map { $0.label == .nuclei }.dropFirst(4).prefix(4) == [true, false, false, false])
        #expect(set.tiles.dropFirst(8).prefix(4).allSatisfy { $0.label == nil })
        #expect(set.tiles.suffix(4).allSatisfy { $0.label == .noNucleus })
    }

    @Test func smallImagesArePaddedByReflection() throws {
        let folder = try DatasetFolder()
        try folder.labels("filename,label,mask\na.png,NUCLEI,a_mask.png\n")
        try folder.image("a.png", 200, 300) { x, y in [UInt8(x), UInt8(y % 256), 5] }
        try folder.mask("a_mask.png", 200, 300) { x, y in (150..<190).contains(x) && y < 40 ? 3 : 0 }
        let set = try set(folder)
        #expect(names(set) == ["a.png@0,0", "a.png@0,44"] && set.tiles.map(\.label) == [.nuclei, .noNucleus])
        let (tile, classes) = (pixels(set, 0), try #require(map(set, 0)))
        for (x, source) in [(0, 0), (199, 199), (200, 198), (255, 143)] {
            #expect(tile[(7 * 256 + x) * 3] == UInt8(source) && classes[7 * 256 + x] == classes[7 * 256 + source])
        }
        #expect(classes[7 * 256 + 230] == 1 && classes[7 * 256 + 209] == 2 && classes[7 * 256 + 208] == 0)
        // Padding has no part in the share of the nuclei: 40 x 40 of 200 x 256 pixels.
        #expect(set.tiles[0].outlines?.areaShare == 1600.0 / (200 * 256) && set.tiles[0].outlines?.nuclei == 1)
        #expect(map(set, 1)?.allSatisfy { $0 == 0 } == true)
    }

    @Test func imagesOfKnownResolutionAreResampledOnce() throws {
        let folder = try DatasetFolder()
        try folder.labels(
            "filename,label,mpp,mask\nfine.png,,0.25,fine_mask.png\nsame.png,NUCLEI,0.505,\ncoarse.png,NUCLEI,1,\n"
                + "any.png,NUCLEI,,\n")
        try folder.image("fine.png", 512, 512) { x, y in [UInt8(x / 2), UInt8(y / 2), UInt8(x % 2 * 100)] }
        try folder.mask("fine_mask.png", 512, 512) { x, y in
            (100..<140).contains(x) && (60..<120).contains(y)
                ? 7 : (140..<180).contains(x) && (60..<120).contains(y) ? 2 : 0
        }
        for name in ["same.png", "any.png"] { try folder.image(name, 256, 256) { x, y in [UInt8(x), UInt8(y), 0] } }
        try folder.image("coarse.png", 128, 128) { x, y in [UInt8(2 * x), UInt8(2 * y), 0] }
        let half = try set(folder, TileTarget(micronsPerPixel: 0.5))
        #expect(names(half) == ["fine.png", "same.png", "coarse.png", "any.png"])
        #expect(half.tiles.map(\.label) == [.nuclei, .nuclei, .nuclei, .nuclei])
        #expect(half.tiles.map(\.micronsPerPixel) == [0.25, 0.505, 1, nil])
        let fine = pixels(half, 0)
        #expect(fine[(9 * 256 + 5) * 3..<(9 * 256 + 5) * 3 + 3] == [5, 9, 50])
        #expect(pixels(half, 1) == pixels(half, 3))
        let coarse = pixels(half, 2)
        #expect(coarse.prefix(3) == [0, 0, 0] && coarse.suffix(3) == [254, 254, 0])
        #expect((60..<200).allSatisfy { abs(Int(coarse[(64 * 256 + $0) * 3]) - $0) <= 1 })
        // Two nuclei of 20 x 30 pixels that touch at x = 70.
        let classes = try #require(map(half, 0))
        let interior = [UInt8](repeating: 1, count: 18)
        #expect(
            classes[40 * 256 + 48..<40 * 256 + 92] == ([0, 0, 2] + interior + [2, 2] + interior + [2, 0, 0])[...])
        #expect(half.tiles[0].outlines?.nuclei == 2 && half.tiles[0].outlines?.areaShare == 1200.0 / 65536)
        // At its own resolution the image has four tiles, and rings are two pixels wide.
        let own = try set(folder)
        #expect(names(own).prefix(4) == ["fine.png@0,0", "fine.png@256,0", "fine.png@0,256", "fine.png@256,256"])
        #expect(own.tiles.prefix(4).map(\.label) == [.nuclei, .noNucleus, .noNucleus, .noNucleus])
        #expect(map(own, 0)?[80 * 256 + 98..<80 * 256 + 104] == [0, 0, 2, 2, 1, 1])
        let small = try set(folder, TileTarget(side: 128, micronsPerPixel: 0.5))
        #expect(small.side == 128 && small.tiles.count == 16 && small.windows(of: [2]).offsets == [2 * 128 * 128 * 3])
        #expect(Set([half.digest, own.digest, small.digest]).count == 3)
    }

    @Test func labelsFollowFromTheOutlines() throws {
        let folder = try DatasetFolder()
        // Areas in pixels of 0.5 um: a whole nucleus of 10 um2 has 40, and 1 % of a tile are 655.36.
        let cases: [(name: String, rows: Int, left: Int, label: TileLabel?)] = [
            ("whole", 4, 100, .nuclei), ("tiny", 3, 100, nil), ("none", 0, 0, .noNucleus),
        ]
        var rows = "filename,label,mpp,mask\n"
        for item in cases {
            rows += "\(item.name).png,,0.5,\(item.name)_mask.png\n"
            try folder.image("\(item.name).png", 256, 256) { _, _ in [9, 9, 9] }
            try folder.mask("\(item.name)_mask.png", 256, 256) { x, y in
                y < item.rows && (item.left..<item.left + 10).contains(x) ? 1 : 0
            }
        }
        // Cut in two at x = 256: neither part is whole, and one has 1 % of its tile.
        rows += "cut.png,NUCLEI,0.5,cut_mask.png\n"
        try folder.image("cut.png", 512, 256) { _, _ in [9, 9, 9] }
        try folder.mask("cut_mask.png", 512, 256) { x, y in y < 100 && (249..<300).contains(x) ? (y < 40 ? 1 : 2) : 0 }
        // The label of a file with one tile remains.
        rows += "given.png,NUCLEI,0.5,tiny_mask.png\n"
        try folder.image("given.png", 256, 256) { _, _ in [9, 9, 9] }
        try folder.labels(rows)
        let set = try set(folder)
        #expect(set.tiles.map(\.label) == cases.map(\.label) + [.nuclei, .nuclei, .nuclei])
        #expect(set.tiles.map(\.truth) == Array(repeating: .classes, count: 6))
        #expect(set.tiles[3].outlines?.areaShare == 700.0 / 65536 && set.tiles[4].outlines?.nuclei == 2)
        try folder.mask("cut_mask.png", 512, 256) { x, y in y < 90 && (250..<257).contains(x) ? 1 : 0 }
        #expect(try self.set(folder).tiles[3...4].map(\.label) == [nil, nil])
    }

    @Test func binaryMasksHaveOneNucleusForEachConnectedPart() throws {
        let folder = try DatasetFolder()
        try folder.labels("filename,label,mask\na.png,,a_mask.png\n")
        try folder.image("a.png", 256, 256) { x, y in [1, 2, 3] }
        try folder.mask("a_mask.png", 256, 256) { x, y in x % 50 < 30 && y % 60 < 30 ? 255 : 0 }
        #expect(try set(folder).tiles[0].outlines?.nuclei == 30)
    }

    @Test func problemsOfMasksAreReportedWithTheirLine() throws {
        let folder = try DatasetFolder()
        try folder.image("a.png", 256, 256) { x, y in [1, 2, 3] }
        try folder.image("rgb.png", 256, 256) { x, y in [1, UInt8(x), 3] }
        try folder.mask("small.png", 256, 255) { _, _ in 0 }
        try folder.mask("full.png", 256, 256) { x, _ in x < 9 ? 1 : 0 }
        try folder.mask("empty.png", 256, 256) { _, _ in 0 }
        func message(_ row: String, header: String = "filename,label,mask") throws -> String {
            try folder.labels("\(header)\n\(row)\n")
            return folder.message()
        }
        #expect(
            try message("a.png,NUCLEI,small.png")
                == "small.png: expected 256 x 256 pixels like a.png, found 256 x 255 (labels.csv:2)")
        #expect(try message("a.png,NUCLEI,rgb.png").hasPrefix("rgb.png: "))
        #expect(try message("a.png,NUCLEI,none.png").hasPrefix("none.png: cannot be read"))
        #expect(
            try message("a.png,NUCLEI,labels.csv").hasPrefix(
                "labels.csv: expected a PNG or TIFF label image, found text"))
        #expect(
            try message("a.png,NO_NUCLEUS,full.png")
                == "full.png: expected no nucleus, as a.png is labeled NO_NUCLEUS, found 1 nucleus (labels.csv:2)")
        #expect(
            try message("a.png,NUCLEI,empty.png")
                == "empty.png: expected nuclei, as a.png is labeled NUCLEI, found none (labels.csv:2)")
        #expect(try message("a.png,NO_NUCLEUS,empty.png") == "no error")
        for mask in ["../full.png", "/full.png", "sub/..", "."] {
            #expect(
                try message("a.png,NUCLEI,\(mask)")
                    == "labels.csv:2: expected the name of a mask in the folder, or nothing, found \(mask)")
        }
        for mpp in ["0", "-1", "text", "1e200", "nan", "inf", "0.04", "21", "0.25 (40x)"] {
            #expect(
                try message("a.png,NUCLEI,\(mpp)", header: "filename,label,mpp")
                    == "labels.csv:2: expected 0.05 to 20.0 microns per pixel, or nothing, as mpp, found \(mpp)")
        }
        #expect(try message("a.png,NUCLEI,,", header: "filename,label,mpp,mask") == "no error")
        try folder.labels("filename,label,mpp\na.png,NUCLEI,2.1\n")
        #expect(throws: DatasetError.self) { try set(folder, TileTarget(micronsPerPixel: 0.5)) }
        try folder.labels("filename,label,mpp\na.png,NUCLEI,2\n")
        #expect(try set(folder, TileTarget(micronsPerPixel: 0.5)).tiles.count == 16)
    }

    @Test func masksAreNoTilesAndNoOutputs() throws {
        let folder = try DatasetFolder()
        try folder.labels("tile_id,label,mask\n1,,tile_1_labels.png\n")
        try folder.image("tile_1.png", 256, 256) { x, y in [1, 2, 3] }
        try folder.mask("tile_1_labels.png", 256, 256) { x, _ in x < 9 ? 1 : 0 }
        let set = try set(folder)
        #expect(names(set) == ["tile_1.png"])
        #expect(throws: FileError.self) { try set.requireNoInput(FilePath("\(folder.path)/tile_1_labels.png")) }
    }

    @Test func theDigestCoversMasksAndResolutionsOnly() throws {
        let folder = try DatasetFolder()
        try folder.image("a.png", 256, 256) { x, y in [UInt8(x), 2, 3] }
        try folder.mask("m.png", 256, 256) { x, _ in x < 9 ? 1 : 0 }
        func digest(_ header: String, _ row: String) throws -> String {
            try folder.labels("filename,label\(header)\na.png,NUCLEI\(row)\n")
            return try set(folder).digest
        }
        // The digest that versions without these columns gave.
        let plain = try digest(",group", ",g")
        var hash = FNV1a()
        hash.add("\(try set(folder).tiles[0].fingerprint) NUCLEI g\n")
        #expect(plain == hash.hexadecimal)
        #expect(try digest(",group,mpp,mask", ",g,,") == plain)
        let known = try digest(",group,mpp,mask", ",g,0.5,")
        let outlined = try digest(",group,mpp,mask", ",g,0.5,m.png")
        try folder.mask("m.png", 256, 256) { x, _ in x < 10 ? 1 : 0 }
        let other = try digest(",group,mpp,mask", ",g,0.5,m.png")
        #expect(Set([plain, known, outlined, other]).count == 4)
        var classes = PixelClasses()
        classes.ringInside = 1
        #expect(try set(folder, TileTarget(pixelClasses: classes)).digest != other)
    }

    @Test func splitsKeepTilesOfAnImageTogether() throws {
        let folder = try DatasetFolder()
        var rows = "filename,label,mask\n"
        for index in 0..<8 {
            rows += "\(index).png,,\(index)_mask.png\n"
            try folder.image("\(index).png", 512, 300) { x, y in
                [UInt8(truncatingIfNeeded: x &* y), UInt8(index), UInt8(x / 2)]
            }
            try folder.mask("\(index)_mask.png", 512, 300) { x, y in x < 100 && y > 60 ? 1 : 0 }
        }
        try folder.labels(rows)
        let set = try set(folder)
        #expect(set.counts(of: set.labeled) == [16, 16])
        let split = try Split(set, Split.Settings())
        let parts = [split.train, split.test].map { Set($0.map { set.tiles[$0].group! }) }
        #expect(parts[0].isDisjoint(with: parts[1]) && parts[0].count + parts[1].count == 8 && !parts[1].isEmpty)
    }
}

extension DatasetFolder {
    func image(_ name: String, _ width: Int, _ height: Int, _ color: (_ x: Int, _ y: Int) -> [UInt8]) throws {
        let pixels = (0..<width * height).flatMap { color($0 % width, $0 / width) }
        // The writer refuses other names.
        let writer = try PNGWriter(path: "\(path)/\(name)", width: width, height: height, channels: .rgb)
        try pixels.withUnsafeBytes { try writer.write(rows: $0, count: height) }
        try writer.finish()
    }

    /// Writes a label image of 16 bits.
    func mask(_ name: String, _ width: Int, _ height: Int, _ label: (_ x: Int, _ y: Int) -> UInt32) throws {
        let labels = (0..<width * height).map { label($0 % width, $0 / width) }
        try LabelImage(width: width, height: height, labels: labels).write(to: "\(path)/\(name)")
    }
}
