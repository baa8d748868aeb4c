import Foundation
import TestSupport
import Testing

/// The Python module of the wheel and the script that uses it, with the program of this build.
struct PythonModuleTests {
    private static let python = OutsideTool(pythonWith: "csv")
    private static let arrays = OutsideTool(pythonWith: "geopandas", "numpy", "pandas", "PIL", "shapely")
    private static let spatialData = OutsideTool(pythonWith: "spatialdata", "geopandas", "pandas", "shapely")
    private static let tools = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().appendingPathComponent("tools").path

    /// Runs lines of Python in a folder with a crop.
    private func run(_ python: OutsideTool, _ lines: String) throws -> OutsideTool.Result {
        let work = try WorkFolder()
        let made = try Command.train.run(
            "synthesize", "set", "--tiles", "0", "--crops", "1", "--crop-size", "600", in: work.path)
        try #require(made.status == 0, "\(made)")
        let preamble = """
            import os, sys
            sys.path.insert(0, "\(Self.tools)/wheel")
            import nuclei_hne
            nuclei_hne.executable = lambda program: "\(Command.mask.path)"
            os.chdir("\(work.path)")

            """
        return try python.run(preamble + lines)
    }

    @Test(.enabled(if: python != nil, "no Python: set NUCLEI_PYTHON"))
    func filesAndErrors() throws {
        let result = try run(
            Self.python!,
            """
            os.mkdir("masks")
            crop = "set/wsi_crop_1.jpg"
            made = nuclei_hne.mask(crop, output="masks/m.png", nuclei="n.csv", mpp=0.25)
            assert made.path.read_bytes()[1:4] == b"PNG" and not made.is_partly_unreadable
            # Tables are found in another folder than that of the mask.
            assert made.file("nuclei").samefile("n.csv")
            assert len(made.rows()) == made.record["nuclei"]["nuclei"] > 0
            made = nuclei_hne.mask(crop, output="w.png", csv="w.csv", mpp=0.25, model="nuclei-compact")
            assert len(made.rows("csv")) == made.record["windows"]["count"] > 0
            # A list gives an option several values.
            try:
                nuclei_hne.mask(crop, ensemble=["nuclei-unet", "nuclei-unet"])
            except nuclei_hne.NucleiError as error:
                assert "found the same model twice" in str(error), str(error)
            else:
                raise AssertionError("expected an error")
            with open("t.geojson", "w") as file:
                file.write('{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[[0, 0], [99, 0], [99, 99], '
                           '[0, 99], [0, 0]]]}, "properties": {"classification": {"name": "B"}}}')
            made = nuclei_hne.mask(crop, output="t.png", tissue="t.geojson", tissue_class=["A", "B"], mpp=0.25)
            assert made.record["coverage"]["processed"]["pixels"] == 99 * 99, made.record["coverage"]
            made = nuclei_hne.mask(crop, output="w.png", csv="w.csv", mpp=0.25, model="nuclei-compact")
            try:
                made.file("nuclei")
            except ValueError as error:
                assert str(error) == "w.png: expected a mask made with the option nuclei, found csv, mask, record", str(error)
            else:
                raise AssertionError("expected an error")
            try:
                nuclei_hne.mask(crop, no_such_option=True)
            except nuclei_hne.NucleiError as error:
                assert error.status == 64 and "--no-such-option" in str(error), (error.status, str(error))
            else:
                raise AssertionError("expected an error")
            """)
        #expect(result.status == 0, "\(result)")
    }

    @Test(.enabled(if: arrays != nil, "no Python with geopandas and Pillow: set NUCLEI_PYTHON"))
    func arraysAndDataFrames() throws {
        let result = try run(
            Self.arrays!,
            """
            import numpy
            crop = "set/wsi_crop_1.jpg"
            made = nuclei_hne.mask(crop, output="m.png", nuclei="n.csv", mpp=0.25)
            centers, mask = made.nuclei, made.mask
            assert mask.shape == (600, 600) and set(numpy.unique(mask)) == {0, 255}
            assert len(centers) == made.record["nuclei"]["nuclei"] > 0 and centers.crs is None
            assert (centers.geometry.x == centers["x"]).all() and centers.index[0] == 1
            for name in ["n.geojson", "n.geojson.gz"]:
                outlines = nuclei_hne.mask(crop, output="m.tif", nuclei=name, simplify=0, mpp=0.25).nuclei
                assert outlines.crs is None and outlines.is_valid.all() and outlines.index.is_unique
                assert (abs(outlines["Area µm^2"].to_numpy() - centers["area_um2"].to_numpy()) < 0.006).all()
                assert (abs(outlines.area * 0.25 ** 2 - outlines["Area µm^2"]) < 0.006).all()
            made = nuclei_hne.mask(crop, output="w.tif", csv="w.csv", probabilities="p.tif", stride=64, mpp=0.25,
                                   model="nuclei-compact")
            assert made.mask.shape == (600, 600) and len(made.windows) == made.record["windows"]["count"]
            assert made.probabilities.shape == (10, 10) and made.probabilities.dtype == numpy.float32
            assert abs(made.probabilities[0, 0] - made.windows["probability"][0]) < 1e-6
            """)
        #expect(result.status == 0, "\(result)")
    }

    @Test(.enabled(if: spatialData != nil, "no Python with spatialdata: set NUCLEI_PYTHON"))
    func spatialDataHasNucleiAndWindows() throws {
        let result = try run(
            Self.spatialData!,
            """
            import runpy
            import spatialdata
            tool = runpy.run_path("\(Self.tools)/to-spatialdata.py")
            tool["spatial_data"]("set/wsi_crop_1.jpg", stride=64, mpp=0.5).write("crop.zarr")
            data = spatialdata.read_zarr("crop.zarr")
            nuclei, windows, table = data.shapes["nuclei"], data.shapes["windows"], data.tables["measurements"]
            made = nuclei_hne.mask("set/wsi_crop_1.jpg", output="m.png", nuclei="n.csv", mpp=0.5)
            rows = made.rows()
            assert len(nuclei) == len(table) == len(rows) > 0 and nuclei.crs is None
            assert (nuclei.index == table.obs["id"]).all() and nuclei.is_valid.all()
            areas = table.to_df()["Area µm^2"]
            assert [round(float(area), 2) for area in areas] == [float(row["area_um2"]) for row in rows]
            microns = spatialdata.transform(data, to_coordinate_system="microns").shapes["nuclei"].area
            assert 0.9 < microns.sum() / areas.sum() < 1.1
            made = nuclei_hne.mask("set/wsi_crop_1.jpg", output="w.png", csv="w.csv", mpp=0.5, stride=64,
                                   model="nuclei-compact")
            expected = [(float(row["x"]), float(row["y"]), float(row["probability"])) for row in made.rows("csv")]
            corners = windows.bounds[["minx", "miny"]].to_numpy()
            assert [(x, y, p) for (x, y), p in zip(corners, windows["probability"])] == expected
            """)
        #expect(result.status == 0, "\(result)")
    }
}
