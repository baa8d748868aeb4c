import Files
import Imaging
import NeuralNetworks
import Tensors

/// How windows are laid and judged.
package struct MaskSettings: Codable, Equatable, Sendable {
    /// Pixels from one window to the next, 1 ... tile.
    package var stride = 128
    /// A pixel is white where its mean probability of nuclei is above this.
    package var threshold = 0.5
    package var edges = EdgeRule.clamp
    package var blend = Blend.uniform

    package init() {}
}

/// What came out of masking one image.
package struct MaskSummary: Sendable {
    package var width: Int
    package var height: Int
    package var windows: Int
    /// Pixels by what the mask says of them; together all pixels of the image.
    package var nuclei: Int
    package var noNuclei: Int
    /// Black as well, but no window saw them.
    package var uncovered: Int

    package var coverage: Double { Double(nuclei) / Double(width * height) }
}

/// Slides a model over images and writes what it finds.
package final class Masker {
    package static let nucleiClass = "NUCLEI"

    private let model: Model
    private let batchSize: Int
    private let settings: MaskSettings
    private let nucleiIndex: Int

    /// Throws when the model has no class of nuclei.
    package init(_ model: Model, path: String, batchSize: Int, settings: MaskSettings) throws(FileError) {
        guard let index = model.description.classes.firstIndex(of: Self.nucleiClass) else {
            throw FileError(
                path, expected: "a model with a class \(Self.nucleiClass)",
                found: model.description.classes.joined(separator: ", "))
        }
        nucleiIndex = index
        self.model = model
        self.batchSize = batchSize
        self.settings = settings
    }

    private var tile: Int { model.description.tileSize }

    /// The windows that an image gets. Throws when they, or the rows of pixels that they need, are more than memory
    /// is meant for.
    package func grid(for reader: any RowReader) throws(FileError) -> WindowGrid {
        let (width, height) = (max(reader.width, tile), max(reader.height, tile))
        let (columns, rows) = (width / settings.stride + 1, height / settings.stride + 1)
        guard columns <= Self.largestWindowCount / rows else {
            throw FileError(
                reader.path, expected: "at most \(Self.largestWindowCount) windows, as a larger stride makes",
                found: "\(columns) x \(rows)")
        }
        guard width <= Self.largestBandInBytes / (tile * 3) else {
            throw FileError(
                reader.path, expected: "at most \(Self.largestBandInBytes / (tile * 3)) pixels a row", found: "\(width)"
            )
        }
        return WindowGrid(width: width, height: height, tile: tile, stride: settings.stride, edges: settings.edges)
    }

    /// 1 GiB of probabilities.
    private static let largestWindowCount = 1 << 28
    /// Rows of pixels under one row of windows.
    private static let largestBandInBytes = 3 << 30

    /// Whether an image of some size is smaller than a tile, and has to be padded.
    package func pads(width: Int, height: Int) -> Bool { width < tile || height < tile }

    /// Probabilities of nuclei in all windows of an image, read once from top to bottom. `afterBatch` is told how many
    /// windows have been done; it may throw to stop.
    package func probabilities(
        _ reader: any RowReader, afterBatch: (Int) throws -> Void
    ) throws -> ProbabilityGrid {
        let grid = try grid(for: reader)
        let band = BandReader(reader, tile: tile)
        var result = ProbabilityGrid(grid)
        let predictor = try Predictor(model, batchSize: min(batchSize, grid.count))
        let classes = model.description.classes.count
        func deliver(_ logits: UnsafeBufferPointer<Float>) throws {
            let rows = Tensor([logits.count / classes, classes], logits)
            try Kernels.softmax(rows, rows)
            for row in 0..<rows.shape[0] { result.append(rows[row * classes + nucleiIndex]) }
            try afterBatch(result.values.count)
        }
        for y in grid.rows.starts {
            let windows = PixelWindows(
                height: tile, width: tile, rowStride: band.rowBytes, offsets: grid.columns.starts.map { Int64($0 * 3) })
            try predictor.add(band.rows(from: y), windows, deliver: deliver)
        }
        try predictor.flush(deliver: deliver)
        return result
    }

    /// Writes the mask of an image of some size: 255 where nuclei are, else 0, row by row.
    package func write(
        _ probabilities: ProbabilityGrid, width: Int, height: Int, to writer: any RowWriter
    ) throws(FileError) -> MaskSummary {
        let field = field(probabilities, width: width, height: height)
        var painter = MaskPainter(writer, windows: probabilities.grid.count)
        for row in field.rows.indices { try painter.add(field.band(ofRow: row, threshold: settings.threshold)) }
        try painter.finish()
        return painter.summary
    }

    /// The mean probabilities all over an image of some size.
    package func field(_ probabilities: ProbabilityGrid, width: Int, height: Int) -> ProbabilityField {
        ProbabilityField(probabilities, blend: settings.blend, width: width, height: height)
    }
}
