import FoundationEssentials
import Foundations
import Imaging

/// All nuclei with their measurements: a CSV with a row for each or, as GeoJSON, detections that QuPath imports.
final class NucleusOutput: MaskOutput {
    static var fileExtensions: [String] { ["csv"] + GeoJSONWriter.fileExtensions }

    static func estimatedBytes(_ image: OutputEstimate) -> Double {
        image.nuclei
            * (image.path.lowercasedExtension == "csv" ? 90 : image.path.lowercasedExtension == "gz" ? 250 : 700)
    }

    private let file: any NucleusFile

    init(_ path: FilePath, _ job: OutputJob) throws {
        file =
            try path.lowercasedExtension == "csv"
            ? NucleusTable(path, ofEnsemble: job.isEnsemble)
            : NucleusOutlines(
                path, job.ids, tolerance: job.request.formats.tolerance, ofEnsemble: job.isEnsemble)
    }

    func add(_ nucleus: Nucleus, id: Int) throws { try file.add(nucleus, id: id) }

    func finish(_ results: inout MaskResults) throws { try file.finish() }
}

/// A file that nuclei are written to one at a time.
package protocol NucleusFile {
    func add(_ nucleus: Nucleus, id: Int) throws
    /// Completes the file. Call it once.
    func finish() throws
}

/// A CSV with a row for each nucleus. Positions are pixels at full resolution.
package final class NucleusTable: NucleusFile {
    private let file: AtomicFile
    private let columns: [Nucleus.Measurements.Column]
    private var buffer = [UInt8]()

    /// `isEnsemble` adds what only the models of an ensemble have.
    package init(_ path: FilePath, ofEnsemble isEnsemble: Bool = false) throws(FileError) {
        file = try AtomicFile(path)
        columns = Nucleus.Measurements.columns(ofEnsemble: isEnsemble)
        buffer += "id,x,y".utf8
        for column in columns { buffer += ",\(column.name)".utf8 }
        buffer += "\n".utf8
    }

    package func add(_ nucleus: Nucleus, id: Int) throws {
        buffer += "\(id),".utf8
        buffer.append(nucleus.measurements.x, decimals: 2)
        buffer += ",".utf8
        buffer.append(nucleus.measurements.y, decimals: 2)
        for column in columns {
            buffer += ",".utf8
            buffer.append(Double(nucleus.measurements[keyPath: column.value]), decimals: column.decimals)
        }
        buffer += "\n".utf8
        if buffer.count >= 1 << 16 { try flush() }
    }

    package func finish() throws {
        try flush()
        try file.commit()
    }

    private func flush() throws {
        try file.write(Data(buffer))
        buffer.removeAll(keepingCapacity: true)
    }
}

/// GeoJSON with the outline of each nucleus, as detections with measurements.
package final class NucleusOutlines: NucleusFile {
    private let writer: GeoJSONWriter
    private let columns: [Nucleus.Measurements.Column]
    private let ids: ObjectID

    /// Outlines are simplified within `tolerance` pixels. `isEnsemble` adds what only the models of an ensemble have.
    package init(
        _ path: FilePath, _ ids: ObjectID, tolerance: Double, ofEnsemble isEnsemble: Bool = false
    ) throws(FileError) {
        writer = try GeoJSONWriter(path, objectType: .detection, .nuclei, tolerance: tolerance)
        self.ids = ids
        columns = Nucleus.Measurements.columns(ofEnsemble: isEnsemble)
    }

    package func add(_ nucleus: Nucleus, id: Int) throws {
        let measurements = columns.map { column in
            GeoJSONWriter.Measurement(
                name: column.title, value: Double(nucleus.measurements[keyPath: column.value]),
                decimals: column.decimals)
        }
        try writer.write(nucleus.polygon(), id: ids.uuid(nucleus), measurements: measurements)
    }

    package func finish() throws { try writer.finish() }
}

extension Nucleus {
    /// The outline at the edges of pixels.
    package func polygon() throws -> Polygon {
        var polygons = [Polygon]()
        var tracer = ContourTracer { polygons.append($0) }
        // The tracer starts in row 0.
        let top = rows.lowerBound
        var white = [Range<Int>]()
        for (index, run) in runs.enumerated() {
            white.append(run.pixels)
            if index + 1 == runs.count || runs[index + 1].row != run.row {
                try tracer.add(rows: run.row - top..<run.row - top + 1, white: white)
                white = []
            }
        }
        try tracer.finish()
        return Polygon(rings: polygons[0].rings.map { ring in ring.map { Corner(x: $0.x, y: $0.y + top) } })
    }
}

extension Nucleus.Measurements {
    /// A measurement in files: its name in tables and in QuPath, and its decimals.
    fileprivate struct Column {
        let name: String
        let title: String
        let value: KeyPath<Nucleus.Measurements, Float>
        let decimals: Int
    }

    /// Only the models of an ensemble can disagree.
    fileprivate static func columns(ofEnsemble isEnsemble: Bool) -> [Column] {
        let common = [
            Column(name: "area_um2", title: "Area µm^2", value: \.area, decimals: 2),
            Column(name: "perimeter_um", title: "Perimeter µm", value: \.perimeter, decimals: 2),
            Column(name: "eccentricity", title: "Eccentricity", value: \.eccentricity, decimals: 3),
            Column(name: "orientation_deg", title: "Orientation °", value: \.orientation, decimals: 1),
            Column(name: "circularity", title: "Circularity", value: \.circularity, decimals: 3),
            Column(name: "solidity", title: "Solidity", value: \.solidity, decimals: 3),
            Column(name: "probability", title: "Probability", value: \.probability, decimals: 3),
            Column(name: "hematoxylin", title: "Hematoxylin OD mean", value: \.hematoxylin, decimals: 3),
            Column(name: "eosin", title: "Eosin OD mean", value: \.eosin, decimals: 3),
        ]
        let disagreement = Column(name: "disagreement", title: "Disagreement", value: \.disagreement, decimals: 3)
        return common + (isEnsemble ? [disagreement] : [])
    }
}
