import Foundation
import Imaging
import TestSupport
import Testing

/// The outputs of masking a slide, read by independent programs.
struct OutsideToolTests {
    private static let python = OutsideTool(pythonWith: "numpy", "openslide", "PIL", "shapely", "tifffile")
    private static let pngcheck = OutsideTool("pngcheck")
    private static let tiffinfo = OutsideTool("tiffinfo")
    private static let vips = OutsideTool("vips")

    /// A slide of 0.5 microns per pixel with its mask in every format, plain and refined, and all other outputs.
    private func outputs() throws -> WorkFolder {
        let work = try WorkFolder()
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "0", "--crops", "1", "--crop-size", "1280", in: work.path)
        try #require(made.status == 0, "\(made)")
        let crop = try RGBImage(decoding: "\(work.path)/set/wsi_crop_1.jpg")
        let slide = try TIFFWriter(
            path: "\(work.path)/a.tif", width: 1280, height: 1280, samples: .rgb, compression: .jpeg(quality: 90),
            properties: .init(micronsPerPixel: (0.5, 0.5)))
        try crop.pixels.withUnsafeBytes { try slide.write(rows: $0, count: 1280) }
        try slide.finish()
        for (name, more) in [
            ("m", ["--output", "m.tif", "--probabilities", "p.tif", "--csv", "m.csv", "--heatmap", "h.tif"]),
            ("r", ["--output", "r.tif", "--refine", "hematoxylin"]), ("m8", ["--output", "m8.png"]),
            ("r1", ["--output", "r1.png", "--bits", "1", "--refine", "hematoxylin"]),
        ] {
            let result = try Command.mask.start(
                [
                    "a.tif", "--tissue", "off", "--threshold", "0.7", "--geojson", "\(name).geojson", "--simplify", "0",
                ] + more, in: work.path
            ).wait()
            try #require(result.status == 0, "\(result)")
        }
        return work
    }

    @Test(.enabled(if: python != nil, "no Python with numpy, openslide, PIL, shapely and tifffile: set NUCLEI_PYTHON"))
    func pythonReadsTheSameEverywhere() throws {
        let work = try outputs()
        let script = """
            import csv, json, os, sys
            import numpy, openslide, shapely, tifffile
            from PIL import Image
            from shapely.geometry import shape
            os.chdir(sys.argv[1])

            def pixels(name):
                with tifffile.TiffFile(name) as f:
                    assert f.is_bigtiff, name
                    return f.pages[0].asarray()

            masks = {}
            for name, png in [('m', 'm8.png'), ('r', 'r1.png')]:
                mask = masks[name] = pixels(name + '.tif')
                assert mask.shape == (1280, 1280) and set(numpy.unique(mask)) == {0, 255}, name
                with Image.open(png) as picture:
                    assert picture.mode == ('1' if png == 'r1.png' else 'L')
                    assert (numpy.array(picture.convert('L')) == mask).all(), png
                slide = openslide.OpenSlide(name + '.tif')
                assert slide.level_dimensions == ((1280, 1280), (640, 640), (320, 320), (160, 160))
                assert slide.level_downsamples == (1, 2, 4, 8)
                for axis in 'xy':
                    assert abs(float(slide.properties['openslide.mpp-' + axis]) - 0.5) < 1e-6
                upper = mask
                for level, size in enumerate(slide.level_dimensions):
                    read = numpy.array(slide.read_region((0, 0), level, size))
                    assert (read[..., 0] == upper).all() and (read[..., 3] == 255).all(), (name, level)
                    wide = upper.astype(int)
                    upper = (wide[::2, ::2] + wide[1::2, ::2] + wide[::2, 1::2] + wide[1::2, 1::2] + 2) // 4
                with tifffile.TiffFile(name + '.tif') as f:
                    series, = f.series
                    assert f.is_ome and series.axes == 'YX' and ' Name="nuclei" SamplesPerPixel="1"' in f.ome_metadata
                    for axis in 'XY':
                        size = f.ome_metadata.split(f' PhysicalSize{axis}="')[1].split('"')[0]
                        assert abs(float(size) - 0.5) < 1e-6
                    assert [level.shape[0] for level in series.levels] == [1280, 640, 320, 160]
                    for level, size in zip(series.levels, slide.level_dimensions):
                        read = numpy.array(slide.read_region((0, 0), series.levels.index(level), size))
                        assert (level.asarray() == read[..., 0]).all()
                shapes = [shape(f['geometry']) for f in json.load(open(name + '.geojson'))['features']]
                assert all(s.is_valid for s in shapes), name
                union = shapely.unary_union(shapes)
                white = int((mask == 255).sum())
                assert sum(s.area for s in shapes) == union.area == white, (union.area, white)
                shapely.prepare(union)
                y, x = numpy.mgrid[0:1280, 0:1280] + 0.5
                assert (shapely.contains_xy(union, x, y) == (mask == 255)).all(), name
                record = json.load(open(name + '.json'))
                assert record['coverage']['nuclei']['pixels'] == white and record['polygons'] == len(shapes)
                assert abs(record['coverage']['nuclei']['squareMillimeters'] - white * 0.25e-6) < 1e-12
            assert (masks['r'] <= masks['m']).all() and (masks['r'] < masks['m']).any()

            # Windows of 256 every 128 pixels: the probability is constant on squares of 128.
            total, windows = numpy.zeros((10, 10)), numpy.zeros((10, 10))
            for row in csv.DictReader(open('m.csv')):
                x, y = int(row['x']) // 128, int(row['y']) // 128
                total[y:y + 2, x:x + 2] += float(row['probability'])
                windows[y:y + 2, x:x + 2] += 1
            with tifffile.TiffFile('p.tif') as f:
                page = f.pages[0]
                probability = page.asarray()
                assert probability.dtype == numpy.float32
                assert numpy.abs(probability - total / windows).max() < 1e-6
                for tag in ['XResolution', 'YResolution']:
                    count, unit = page.tags[tag].value
                    assert abs(count / unit - 10000 / (0.5 * 128)) < 1e-6, (count, unit)
                assert page.tags['ResolutionUnit'].value == 3
            assert (numpy.kron(probability > 0.7, numpy.ones((128, 128))) == (masks['m'] == 255)).all()

            with tifffile.TiffFile('h.tif') as f:
                assert f.is_ome and [level.shape for level in f.series[0].levels][::3] == [(1280, 1280, 3), (160, 160, 3)]
            heat = openslide.OpenSlide('h.tif')
            assert heat.level_dimensions == ((1280, 1280), (640, 640), (320, 320), (160, 160))
            assert abs(float(heat.properties['openslide.mpp-x']) - 0.5) < 1e-6
            slide = openslide.OpenSlide('a.tif')
            for level, size in enumerate(heat.level_dimensions):
                def read(slide): return numpy.array(slide.read_region((0, 0), level, size))[..., :3].astype(float)
                # At most 40 % of another color.
                assert 1 < numpy.abs(read(heat) - read(slide)).mean() < 0.4 * 255, level
            print('as expected')
            """
        let result = try #require(Self.python).run(script, work.path)
        #expect(result.output == "as expected\n", "\(result)")
    }

    @Test(.enabled(if: pngcheck != nil && tiffinfo != nil && vips != nil, "no pngcheck, tiffinfo or vips"))
    func nothingIsWrongWithAnyFile() throws {
        let work = try outputs()
        for (name, bits) in [("m8.png", 8), ("r1.png", 1)] {
            let result = try #require(Self.pngcheck).run("\(work.path)/\(name)")
            #expect(result.status == 0 && result.output.contains("1280x1280, \(bits)-bit grayscale"), "\(result)")
        }
        for (name, resolution, levels) in [
            ("m.tif", "20000, 20000", 4), ("r.tif", "20000, 20000", 4), ("h.tif", "20000, 20000", 4),
            ("p.tif", "156.25, 156.25", 1),
        ] {
            let path = "\(work.path)/\(name)"
            let result = try #require(Self.tiffinfo).run("-D", path)
            #expect(result.status == 0 && result.output.contains("Resolution: \(resolution) pixels/cm"), "\(result)")
            #expect(result.output.components(separatedBy: "TIFF Directory").count == levels + 1)
            #expect(!result.output.contains("arning") && !result.output.contains("rror"), "\(result)")
            for level in 0..<levels {
                let mean = try #require(Self.vips).run("avg", "\(path)[page=\(level)]")
                #expect(mean.status == 0 && Double(mean.output.dropLast()) != nil, "\(mean)")
            }
        }
        // The mean of a mask is its share of white pixels.
        let record = try work.json(String(contentsOfFile: "\(work.path)/m.json", encoding: .utf8))
        let nuclei = try #require((record["coverage"] as? [String: [String: Any]])?["nuclei"]?["share"] as? Double)
        let mean = try #require(Self.vips).run("avg", "\(work.path)/m.tif")
        #expect(abs(try #require(Double(mean.output.dropLast())) - nuclei * 255) < 1e-3)
    }
}
