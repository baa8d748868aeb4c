import Console
import FoundationEssentials
import Foundations
import NeuralNetworks
import Training

/// What a model file records, printed as JSON or as lines.
struct ModelInfo: Encodable {
    /// The tiles that a model was trained and scored on.
    struct Tiles: Encodable {
        let train: Int
        let validation: Int
        let test: Int
        let groups: Int
        let testGroups: [String]
    }

    /// Settings of the training. Nil where the file has none.
    struct Settings: Codable {
        let strategy: String?
        let epochs: Int?
        let batchSize: Int?
        let initialModel: String?
        let teachers: [String]?
    }

    /// Scores after an epoch, on tiles that are not learned.
    struct Scores: Codable {
        let epoch: Int
        let watchedLoss: Double
        let watchedAccuracy: Double
        let watchedF1: Double
        let watchedDice: Double?
    }

    let model: String
    let sha256: String
    /// The version of the program that trained it.
    let version: String?
    let description: ModelDescription
    let parameters: Int
    let calibration: Calibration?
    let seed: String?
    let settings: Settings?
    let tiles: Tiles?
    /// The part of the tiles that the scores are of.
    let scoredOn: EvaluationSplit?
    let scores: Scores?

    /// Throws where the calibration is not valid.
    init(_ model: Model, _ path: FilePath, sha256: String) throws {
        (self.model, self.sha256, description) = (path.string, sha256, model.description)
        parameters = model.network.parameters.tensors.reduce(0) { $0 + $1.count }
        calibration = try Calibration(model, path: path)
        (version, seed) = (model.records["version"], model.records["seed"])
        func decode<Value: Decodable>(_ key: String) -> Value? {
            model.records[key].flatMap { try? JSON.decode(Value.self, from: Data($0.utf8)) }
        }
        (settings, scores) = (decode("settings"), decode("metrics"))
        let split = try? SplitRecord(model, path: path)
        tiles = split.map { split in
            Tiles(
                train: split.count(of: .train) ?? 0, validation: split.count(of: .validation) ?? 0,
                test: split.count(of: .test) ?? 0, groups: split.groupCount, testGroups: split.settings.testGroups)
        }
        scoredOn = tiles.flatMap { $0.validation > 0 ? .validation : $0.test > 0 ? .test : nil }
    }

    func show() {
        let width = 14
        func line(_ name: String, _ text: String) { Terminal.printLine(name.padded(width) + text) }
        let outlinesNuclei = description.architecture.outlinesNuclei
        line("model", model)
        line("SHA-256", sha256)
        line(
            "architecture",
            "\(description.architecture.rawValue), \(parameters) parameters, "
                + (outlinesNuclei ? "outlines nuclei" : "classifies tiles"))
        line("classes", description.classes.joined(separator: ", "))
        line(
            "tiles",
            "\(description.tileSize) x \(description.tileSize) pixels, "
                + (description.micronsPerPixel.map { "\(String($0, significantDigits: 6)) microns per pixel" }
                    ?? "no resolution"))
        func numbers(_ values: [Float]) -> String {
            values.map { String(Double($0), decimals: 1) }.joined(separator: ", ")
        }
        line(
            "pixels",
            "mean \(numbers(description.statistics.mean)), deviation \(numbers(description.statistics.deviation))")
        if let calibration {
            line(
                "calibration",
                "temperature \(String(calibration.temperature, decimals: 3)), fitted on \(calibration.tiles) tiles of "
                    + calibration.fittedOn)
        } else if !outlinesNuclei {
            line("calibration", "none")
        }
        if outlinesNuclei {
            line(
                "tile score",
                description.tileScoreFit.map {
                    "\(String($0.slope, decimals: 3)) x log odds of the pixels \($0.offset < 0 ? "-" : "+") "
                        + String($0.offset.magnitude, decimals: 3)
                } ?? "not fitted")
        }
        if description.architecture.hasFixedPoint {
            line(
                "int16",
                description.fixedPoint.map {
                    "probabilities of \($0.tiles.counted("tile")) change by \(String($0.largestChange, significantDigits: 2)) at "
                        + "most, \($0.changedDecisions.counted("decision"))"
                } ?? "not measured")
        }
        let training = [
            settings?.strategy, settings?.epochs.map { $0.counted("epoch") },
            settings?.batchSize.map { "batches of \($0)" },
            settings?.initialModel.map { "from \($0)" },
            settings?.teachers.map { $0.count.counted("teacher") }, seed.map { "seed \($0)" },
            version.map { "nuclei \($0)" },
        ].compactMap { $0 }
        line("training", training.isEmpty ? "not recorded" : training.joined(separator: ", "))
        guard let tiles else { return }
        line(
            "learned from",
            "\(tiles.train) tiles; \(tiles.validation) for validation, \(tiles.test) for the test"
                + (tiles.groups > 0 ? "; \(tiles.groups) groups" : ""))
        if !tiles.testGroups.isEmpty { line("test groups", tiles.testGroups.joined(separator: ", ")) }
        guard let scores, let scoredOn else { return }
        line(
            "scores",
            "\(scoredOn.rawValue), epoch \(scores.epoch): accuracy \(String(scores.watchedAccuracy, decimals: 3)), "
                + "weighted F1 \(String(scores.watchedF1, decimals: 3))"
                + (scores.watchedDice.map { ", Dice \(String($0, decimals: 3))" } ?? ""))
    }
}
