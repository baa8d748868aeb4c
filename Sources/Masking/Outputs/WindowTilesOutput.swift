import Foundations

/// The predicted windows as GeoJSON: tiles with a probability, from which QuPath makes a measurement map.
final class WindowTilesOutput: MaskOutput {
    static var fileExtensions: [String] { GeoJSONWriter.fileExtensions }

    static func estimatedBytes(_ image: OutputEstimate) -> Double {
        (image.path.lowercasedExtension == "gz" ? 45 : 250) * Double(image.workload.withTissue)
    }

    private let writer: GeoJSONWriter
    private let ids: ObjectID

    init(_ path: FilePath, _ job: OutputJob) throws {
        writer = try GeoJSONWriter(path, objectType: .tile)
        ids = job.ids
    }

    func write(_ windows: ProbabilityGrid, _ field: ProbabilityField, _ progress: OutputProgress) throws {
        let rows = windows.grid.rows.starts.count
        try windows.writeTiles(to: writer, ids, width: field.width, height: field.height) {
            try progress("windows", $0, rows)
        }
    }

    func finish(_ results: inout MaskResults) throws { try writer.finish() }
}

extension ProbabilityGrid {
    /// Writes the predicted windows of an image of a size. Those of an image that was padded end with it. `afterRow`
    /// receives the number of rows of windows that are written and may throw to cancel.
    func writeTiles(
        to writer: GeoJSONWriter, _ ids: ObjectID, width: Int, height: Int, afterRow: (Int) throws -> Void
    ) throws {
        for row in grid.rows.starts.indices {
            let y = grid.rows.imagePixels(ofWindow: row).clamped(to: 0..<height)
            for column in grid.columns.starts.indices {
                let window = index(row: row, column: column)
                guard store.state(window) == .predicted else { continue }
                let x = grid.columns.imagePixels(ofWindow: column).clamped(to: 0..<width)
                let polygon = Polygon(x: x, y: y)
                func measurement(_ name: String, _ value: Float) -> GeoJSONWriter.Measurement {
                    .init(name: name, value: Double(value), decimals: 4)
                }
                var measurements = [measurement("Probability", store.probability(window))]
                if store.hasDeviations { measurements.append(measurement("Disagreement", store.deviation(window))) }
                try writer.write(polygon, id: ids.uuid("tile \(x) \(y)"), measurements: measurements)
            }
            try afterRow(row + 1)
        }
    }
}

extension Polygon {
    /// A rectangle of pixels.
    init(x: Range<Int>, y: Range<Int>) {
        let corners = [
            (x.lowerBound, y.lowerBound), (x.upperBound, y.lowerBound), (x.upperBound, y.upperBound),
            (x.lowerBound, y.upperBound), (x.lowerBound, y.lowerBound),
        ]
        self.init(rings: [corners.map { Corner(x: $0, y: $1) }])
    }
}
