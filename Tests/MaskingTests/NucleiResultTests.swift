import Foundation
import Foundations
import Imaging
import Masking
import TestSupport
import Testing

struct NucleiResultTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        try folder.file("image", "image")
    }

    /// The stored nuclei of an image. `change` may add gaps to blocks.
    private func result(
        _ sample: SampleImage, core: Int, scale: Double, tissue: TissueMap? = nil,
        change: (Int, inout NucleusBlock) -> Void = { _, _ in }
    ) throws -> (NucleiResult, [Nucleus]) {
        let (grid, nuclei) = sample.blocks(core: core, margin: 40, scale: scale, tissue: tissue)
        let identity = try NucleusStore.Identity(
            image: ImageState(folder.file("image")), model: UUID().uuidString, blocks: grid.count, layout: "")
        let store = try NucleusStore(folder.file("store-\(UUID().uuidString)"), identity)
        for block in nuclei.indices.reversed() {
            var content = NucleusBlock(nuclei: nuclei[block])
            change(block, &content)
            try store.append(content, as: block)
        }
        let microns = 0.5 / scale
        return (
            NucleiResult(store, grid, tissue: tissue, micronsPerPixel: (microns, microns)), Array(nuclei.joined())
        )
    }

    private static let sample = SampleImage(
        width: 210, height: 170, SampleImage.random(seed: 12, count: 120, width: 210, height: 170))

    /// The white pixels of bands, which have to cover the image without gaps.
    private func mask(
        _ result: NucleiResult, _ summary: inout MaskSummary, _ bands: ((MaskBand) throws -> Void) throws -> Void
    ) throws -> [Bool] {
        var white = [Bool]()
        try bands { band in
            try #require(band.rows.lowerBound * result.width == white.count)
            var row = [Bool](repeating: false, count: result.width)
            for run in band.white { for x in run { row[x] = true } }
            for _ in band.rows { white += row }
            summary.add(band)
        }
        try #require(white.count == result.width * result.height)
        return white
    }

    /// White pixels are those of nuclei without another nucleus to the left or above, so that components are nuclei.
    @Test func aLinePartsNuclei() throws {
        for (core, scale) in [(1024, 1.0), (64, 1), (48, 2), (64, 1.98), (100, 0.5)] {
            let (result, nuclei) = try result(Self.sample, core: core, scale: scale)
            var summary = MaskSummary(width: result.width, height: result.height)
            let white = try mask(result, &summary) { try result.forEachBand($0) }
            let (width, height) = (result.width, result.height)
            var owners = [Int](repeating: 0, count: white.count)
            for (index, nucleus) in nuclei.enumerated() {
                for place in nucleus.places(width: width) {
                    try #require(owners[place] == 0)
                    owners[place] = index + 1
                }
            }
            func owner(_ x: Int, _ y: Int) -> Int { x < 0 || y < 0 || x >= width ? 0 : owners[y * width + x] }
            var parted = 0
            for y in 0..<height {
                for x in 0..<width {
                    let own = owner(x, y)
                    let before = [owner(x - 1, y), owner(x - 1, y - 1), owner(x, y - 1), owner(x + 1, y - 1)]
                    let isParted = before.contains { $0 != 0 && $0 != own }
                    if own != 0, isParted { parted += 1 }
                    try #require(white[y * width + x] == (own != 0 && !isParted), "core \(core), scale \(scale)")
                }
            }
            #expect(parted > 10, "nuclei touch")
            let area = nuclei.reduce(0) { $0 + Double($1.measurements.area) }
            #expect(abs(area / (Double(summary.nuclei + parted) * result.squareMicrons) - 1) < 1e-5)
            #expect(summary.blank.total == 0 && summary.nuclei + summary.noNuclei == white.count)
        }
    }

    @Test func numbersAreStable() throws {
        let (result, nuclei) = try result(Self.sample, core: 64, scale: 2)
        for _ in 0..<2 {
            var found = [Nucleus]()
            let count = try result.forEachNucleus { id, nucleus in
                found.append(nucleus)
                try #require(id == found.count)
            }
            #expect(count == nuclei.count && found == nuclei)
        }
    }

    /// Nothing is known about gaps and about glass; nuclei that reach into them stay whole.
    @Test func blankPixelsAreCounted() throws {
        let tissue = TissueMap(
            imageWidth: 420, imageHeight: 340, width: 3, height: 2,
            isTissue: [
                true, true, false, true, true, true,
            ])
        let (result, nuclei) = try result(Self.sample, core: 70, scale: 2, tissue: tissue) { block, content in
            if block == 0 { content.unreadable = [PixelRegion(x: 10, y: 20, width: 30, height: 40)] }
            if block == 4 { content.isOutside = true }
        }
        try #require(result.grid.columns == 3 && result.grid.rows == 3)
        var summary = MaskSummary(width: 420, height: 340)
        let white = try mask(result, &summary) { try result.forEachBand($0) }
        #expect(summary.nuclei == white.count { $0 } && !nuclei.isEmpty)
        func black(_ region: PixelRegion) -> Int {
            (region.y..<region.bottom).reduce(0) { sum, y in
                sum + (region.x..<region.right).count { !white[y * 420 + $0] }
            }
        }
        #expect(summary.blank.background == black(PixelRegion(x: 280, y: 0, width: 140, height: 170)))
        #expect(summary.blank.unreadable == black(PixelRegion(x: 10, y: 20, width: 30, height: 40)))
        let outside = black(PixelRegion(x: 140, y: 140, width: 140, height: 140))
        #expect(summary.blank.outside == outside)
        #expect(summary.noNuclei + summary.nuclei + summary.blank.total == 420 * 340)
    }

    /// Against distances to all white pixels.
    @Test func regionsSurroundNuclei() throws {
        let few = SampleImage(
            width: 160, height: 150, SampleImage.random(seed: 5, count: 9, width: 160, height: 150))
        for (core, scale, microns) in [(64, 1.0, 8.0), (48, 2, 16), (1024, 1.5, 0)] {
            let (result, nuclei) = try result(few, core: core, scale: scale)
            var summary = MaskSummary(width: result.width, height: result.height)
            let white = try mask(result, &summary) { try result.forEachRegionBand(within: microns, $0) }
            let places = nuclei.flatMap { $0.places(width: result.width) }
            let pixel = 0.5 / scale
            // Steps of rows, and the corners of pixels.
            let slack = microns / 16 + 1.5 * pixel
            for y in 0..<result.height {
                for x in stride(from: y % 3, to: result.width, by: 3) {
                    let distance =
                        places.reduce(Double.infinity) {
                            min($0, hypot(Double($1 % result.width - x), Double($1 / result.width - y)))
                        } * pixel
                    if distance > microns + slack {
                        try #require(!white[y * result.width + x], "\(x), \(y): \(distance) of \(microns)")
                    } else if distance < microns - slack {
                        try #require(white[y * result.width + x], "\(x), \(y): \(distance) of \(microns)")
                    }
                }
            }
        }
        let tissue = TissueMap(imageWidth: 160, imageHeight: 150, width: 2, height: 1, isTissue: [true, false])
        let (half, _) = try result(few, core: 64, scale: 1, tissue: tissue)
        var summary = MaskSummary(width: 160, height: 150)
        let white = try mask(half, &summary) { try half.forEachRegionBand(within: 30, $0) }
        #expect(white.contains(true) && white.indices.allSatisfy { !white[$0] || $0 % 160 < 80 })
        #expect(summary.blank.background == 80 * 150)
        let gap = PixelRegion(x: 10, y: 20, width: 30, height: 40)
        let (damaged, _) = try result(few, core: 64, scale: 1) { block, content in
            if block == 0 { content.unreadable = [gap] }
        }
        summary = MaskSummary(width: 160, height: 150)
        let known = try mask(damaged, &summary) { try damaged.forEachRegionBand(within: 60, $0) }
        #expect(known.indices.allSatisfy { known[$0] != (10..<40 ~= $0 % 160 && 20..<60 ~= $0 / 160) })
        #expect(summary.blank.unreadable == gap.area)
    }

    /// A distance that is no whole number of pixels reaches as far down as up.
    @Test func regionsReachEquallyFarInAllDirections() throws {
        let runs = (50..<100).map { Nucleus.Run(row: $0, pixels: 40..<80) }
        let square = Nucleus(runs: runs, measurements: .init())
        let sample = SampleImage(width: 80, height: 80, [])
        let (result, _) = try result(sample, core: 1024, scale: 2) { _, content in content.nuclei = [square] }
        var summary = MaskSummary(width: 160, height: 160)
        let white = try mask(result, &summary) { try result.forEachRegionBand(within: 0.25 * 7.9, $0) }
        #expect((0..<160).filter { white[$0 * 160 + 60] } == Array(42..<108))
    }

    /// Between the arms of a nucleus, distances are those to the arms.
    @Test func regionsFollowConcaveNuclei() throws {
        let runs = (20..<60).flatMap { row -> [Nucleus.Run] in
            row < 50
                ? [Nucleus.Run(row: row, pixels: 20..<24), Nucleus.Run(row: row, pixels: 60..<64)]
                : [Nucleus.Run(row: row, pixels: 20..<64)]
        }
        let sample = SampleImage(width: 90, height: 80, [])
        let arms = Nucleus(runs: runs, measurements: .init())
        let (result, _) = try result(sample, core: 1024, scale: 1) { _, content in content.nuclei = [arms] }
        var summary = MaskSummary(width: 90, height: 80)
        let white = try mask(result, &summary) { try result.forEachRegionBand(within: 4, $0) }
        #expect(!white[30 * 90 + 42] && white[30 * 90 + 31] && !white[30 * 90 + 33] && white[45 * 90 + 42])
    }

    @Test func tablesHaveARowForEachNucleus() throws {
        let (result, nuclei) = try result(Self.sample, core: 64, scale: 2)
        let table = try NucleusTable(folder.file("nuclei.csv"))
        try result.forEachNucleus { try table.add($1, id: $0) }
        try table.finish()
        let lines = try folder.text("nuclei.csv").split(separator: "\n")
        #expect(
            lines[0]
                == "id,x,y,area_um2,perimeter_um,eccentricity,orientation_deg,circularity,solidity,probability,hematoxylin,eosin"
        )
        #expect(lines.count == nuclei.count + 1)
        for (line, (index, nucleus)) in zip(lines.dropFirst(), nuclei.enumerated()) {
            let cells = line.split(separator: ",").map { Double($0) ?? .nan }
            let values = nucleus.measurements
            try #require(cells.count == 12 && cells[0] == Double(index + 1))
            try #require(abs(cells[1] - values.x) <= 0.00501 && abs(cells[2] - values.y) <= 0.00501)
            try #require(abs(cells[3] - Double(values.area)) <= 0.00501)
            try #require(abs(cells[6] - Double(values.orientation)) <= 0.0501)
        }
    }

    @Test func outlinesAreDetections() throws {
        let (result, nuclei) = try result(Self.sample, core: 64, scale: 2)
        let ids = ObjectID(image: "slide")
        let outlines = try NucleusOutlines(folder.file("nuclei.geojson"), ids, tolerance: 0)
        try result.forEachNucleus { try outlines.add($1, id: $0) }
        try outlines.finish()
        let json = try JSONValue(contentsOf: folder.file("nuclei.geojson"))
        let features = try #require(json["features"]?.array)
        #expect(features.count == nuclei.count)
        #expect(Set(features.compactMap { $0["id"]?.string }).count == nuclei.count)
        for (feature, nucleus) in zip(features, nuclei) {
            let properties = try #require(feature["properties"])
            try #require(properties["objectType"]?.string == "detection")
            try #require(properties["classification"]?["name"]?.string == "Nuclei")
            let area = try #require(properties["measurements"]?["Area µm^2"]?.number)
            try #require(abs(area - Double(nucleus.measurements.area)) < 0.006)
            let id = try #require(feature["id"]?.string.flatMap(UUID.init))
            try #require(id.uuidString.lowercased() == ids.uuid(nucleus))
            try #require(ObjectID(image: "other").uuid(nucleus) != ids.uuid(nucleus))
            let ring = try #require(feature["geometry"]?["coordinates"]?.array?.first?.array)
            try #require(ring.first == ring.last && ring.count >= 5)
            let ys = ring.compactMap { $0.array?[1].number }
            try #require(Int(ys.min()!) == nucleus.rows.lowerBound && Int(ys.max()!) == nucleus.rows.upperBound)
        }
    }

    @Test func densitiesAreCountsByArea() throws {
        let tissue = TissueMap(imageWidth: 420, imageHeight: 340, width: 2, height: 1, isTissue: [true, false])
        let (result, nuclei) = try result(Self.sample, core: 64, scale: 2, tissue: tissue)
        #expect(DensityMap.side((0.25, 0.25)) == 400 && DensityMap.side((0.5, 0.5)) == 200)
        let side = 60
        let size = FieldMap.size(width: 420, height: 340, side: side)
        let writer = ArrayWriter(width: size.width, height: size.height, channels: 4)
        try DensityMap(result, side: side).write(to: writer)
        let values = writer.pixels.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        try #require(values.count == size.width * size.height)
        for row in 0..<size.height {
            for column in 0..<size.width {
                let value = values[row * size.width + column]
                let columns = (column * side..<(column + 1) * side).clamped(to: 0..<210)
                if columns.isEmpty {
                    try #require(value.isNaN)
                    continue
                }
                let rows = (row * side..<(row + 1) * side).clamped(to: 0..<340)
                let count = nuclei.count { columns.contains($0.center.x) && rows.contains($0.center.y) }
                let area = Double(columns.count * rows.count) / 16e6
                try #require(abs(Double(value) - Double(count) / area) < 1e-3 * Double(count + 1) / area)
            }
        }
        // A square without what cannot be decoded, one without anything, and edges of the image.
        let (damaged, _) = try self.result(Self.sample, core: 64, scale: 2) { block, content in
            if block == 0 {
                content.unreadable = [
                    PixelRegion(x: 0, y: 0, width: 60, height: 45), PixelRegion(x: 60, y: 0, width: 60, height: 60),
                ]
            }
        }
        let again = ArrayWriter(width: size.width, height: size.height, channels: 4)
        try DensityMap(damaged, side: side).write(to: again)
        let other = again.pixels.withUnsafeBytes { Array($0.bindMemory(to: Float.self)) }
        let inside = nuclei.count { $0.center.x < 60 && $0.center.y < 60 }
        #expect(abs(Double(other[0]) - Double(inside) / (60 * 15 / 16e6)) < 1 && other[1].isNaN)
        var summary = MaskSummary(width: 420, height: 340)
        _ = try mask(result, &summary) { try result.forEachBand($0) }
        let counts = NucleusCounts(nuclei.count, summary, micronsPerPixel: (0.25, 0.25))
        #expect(abs(counts.squareMillimeters - 210 * 340 / 16e6) < 1e-4)
        #expect(abs((counts.perSquareMillimeter ?? 0) * counts.squareMillimeters - Double(nuclei.count)) < 1e-6)
    }
}
