import Foundation
import Foundations
import Masking

/// A temporary folder that is removed with the object.
final class WorkingFolder {
    let path: String

    init() throws {
        path =
            URL(fileURLWithPath: NSTemporaryDirectory()).resolvingSymlinksInPath().path
            + "/masking-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    func write(_ text: String, to name: String) throws {
        let url = URL(fileURLWithPath: "\(path)/\(name)")
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    /// Writes files of a few bytes.
    func make(_ names: String...) throws {
        for name in names { try write(name, to: name) }
    }
}

/// The record of a mask with 100 windows and a million pixels.
func sampleRecord(
    request: String = "none", unreadable: Int = 0, areas: Bool = true, isEmpty: Bool = false, nuclei: Int? = nil,
    files: [String: String] = [:], digests: [String: FileDigest]? = nil
) throws -> String {
    func part(_ share: Double) -> String {
        let area = areas ? ", \"squareMillimeters\": \(share / 4)" : ""
        return "{\"pixels\": \(Int(share * 1_000_000)), \"share\": \(share)\(area)}"
    }
    let paths = files.map { "\"\($0.key)\": \"\($0.value)\"" }.joined(separator: ", ")
    let lost = Double(unreadable) / 100
    let predicted = isEmpty ? 0 : 90 - unreadable
    let shares: (nuclei: Double, noNuclei: Double, blank: Double, outside: Double) =
        isEmpty ? (0, 0, 1, 0) : (0.25, 0.65 - lost, 0.08, 0.02)
    let state = isEmpty ? "\"state\": \"nothingPredicted\", \"warnings\": [\"why\"]," : ""
    let counts = nuclei.map {
        "\"nuclei\": {\"nuclei\": \($0), \"squareMillimeters\": 0.225, \"perSquareMillimeter\": \(Double($0) / 0.225)},"
    }
    let sums = try digests.map { ", \"digests\": \(try JSON.text($0))" } ?? ""
    return """
        {"version": "1", \(state) \(counts ?? "") "request": "\(request)",
        "image": {"resolutionSource": "image", "path": "a.svs", "width": 1000, "height": 1000,
        "laidWidth": 1000, "laidHeight": 1000},
        "model": {"path": "m", "sha256": "0", "architecture": "compact", "classes": [], "tileSize": 256},
        "settings": {"stride": 128, "threshold": 0.5, "edges": "clamp", "blend": "uniform"},
        "windows": {"count": 100, "columns": 10, "rows": 10, "size": 256, "predicted": \(predicted),
        "withoutTissue": \(isEmpty ? 100 : 8), "outside": \(isEmpty ? 0 : 2), "unreadable": \(unreadable), "sharedLayers": 0},
        "coverage": {"nuclei": \(part(shares.nuclei)), "noNuclei": \(part(shares.noNuclei)),
        "withoutTissue": \(part(shares.blank)),
        "outside": \(part(shares.outside)), "unreadable": \(part(lost)), "uncovered": \(part(0))},
        "files": {\(paths)}\(sums), "seconds": {"loading": 0.1, "predicting": 1.25, "writing": 0.5,
        "parts": {"reading": 0.25, "waiting": 0.125, "computing": 1}}}
        """
}
