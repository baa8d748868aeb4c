import Datasets
import Files
import Foundation
import NeuralNetworks
import Tensors

/// Where a run keeps what it makes: `best.safetensors`, `last.safetensors`, `history.csv` and `run.json`. Every file
/// is replaced whole, after each epoch.
package struct RunFolder {
    /// The content of `run.json`.
    package struct Record: Codable, Sendable {
        package enum State: String, Codable, Sendable {
            case running, interrupted, finished
        }

        package var state: State
        package var version: String
        package var started: Date
        package var settings: TrainingSettings
        package var dataset: String
        /// Tiles by part and label.
        package var tiles: [String: [String: Int]]
        package var parameters: Int
        package var threads: Int
        package var chosenOn: EvaluationSplit
        package var history: [EpochRecord]
        package var bestEpoch: Int?
        /// Of the best and the last model on the test tiles, once the run has finished.
        package var bestTest: Score?
        package var lastTest: Score?
        package var seconds: Double
    }

    package let path: String
    package var record: Record

    /// Makes the folder. Throws when there is something in it already: no run overwrites another.
    package init(path: String, for trainer: Trainer, version: String) throws(FileError) {
        let files = FileManager.default
        var isFolder: ObjCBool = false
        if files.fileExists(atPath: path, isDirectory: &isFolder) {
            let content = (try? files.contentsOfDirectory(atPath: path)) ?? []
            guard isFolder.boolValue, content.isEmpty else {
                throw FileError(
                    path, .unwritable,
                    "expected a new or empty folder for the run, found \(isFolder.boolValue ? "files in it" : "a file")"
                )
            }
        }
        do {
            try files.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw FileError(path, .unwritable, "cannot be made (\(error.localizedDescription))")
        }
        self.path = path
        let split = trainer.split
        var tiles = [String: [String: Int]]()
        for (name, part) in [("train", split.train), ("validation", split.validation), ("test", split.test)] {
            tiles[name] = Dictionary(uniqueKeysWithValues: zip(TileLabel.names, trainer.set.counts(of: part)))
        }
        tiles["unlabelled"] = ["used": split.unlabelled.count, "all": trainer.set.unlabelled.count]
        record = Record(
            state: .running, version: version, started: Date(), settings: trainer.settings, dataset: trainer.set.path,
            tiles: tiles, parameters: trainer.model.network.parameters.layout.parameterCount,
            threads: Kernels.threadCount, chosenOn: trainer.watched, history: [], seconds: 0)
    }

    package var bestModel: String { "\(path)/best.safetensors" }
    package var lastModel: String { "\(path)/last.safetensors" }

    /// Writes down the epoch that has just ended.
    package mutating func save(_ trainer: Trainer) throws {
        record.history = trainer.history
        record.bestEpoch = trainer.best?.epoch
        record.seconds = Date().timeIntervalSince(record.started)
        var model = trainer.model
        let newest = trainer.history[trainer.history.count - 1]
        model.records = [
            "version": record.version,
            "seed": String(trainer.settings.seed),
            "settings": try Self.json(trainer.settings),
            "history": try Self.json(trainer.history),
            "metrics": try Self.json(newest),
            SplitRecord.key: try Self.json(
                SplitRecord(trainer.split, of: trainer.set, trainer.settings.split, chosenOn: trainer.watched)),
        ]
        try model.write(to: lastModel)
        if trainer.best == newest { try model.write(to: bestModel) }
        try AtomicFile.write(Self.csv(trainer.history), to: "\(path)/history.csv")
        try saveRecord()
    }

    package func saveRecord() throws {
        try AtomicFile.write(Self.json(record, pretty: true) + "\n", to: "\(path)/run.json")
    }

    package static func json(_ value: some Encodable, pretty: Bool = false) throws -> String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = pretty ? [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes] : [.sortedKeys]
        encoder.dateEncodingStrategy = .iso8601
        return String(decoding: try encoder.encode(value), as: UTF8.self)
    }

    private static func csv(_ history: [EpochRecord]) -> String {
        let header =
            "epoch,learning_rate,train_loss,train_accuracy,loss,accuracy,weighted_f1,seconds,tiles_per_second\n"
        return history.reduce(into: header) { text, epoch in
            let numbers = [
                epoch.trainLoss, epoch.trainAccuracy, epoch.watchedLoss, epoch.watchedAccuracy, epoch.watchedF1,
                epoch.seconds, epoch.tilesPerSecond,
            ]
            text += "\(epoch.epoch),\(epoch.learningRate),"
            text += numbers.map { String(format: "%.6g", $0) }.joined(separator: ",") + "\n"
        }
    }
}
