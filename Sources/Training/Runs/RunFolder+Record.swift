import Datasets
import FoundationEssentials
import Foundations
import NeuralNetworks
import Tensors

extension RunFolder {
    /// The content of `run.json`.
    package struct Record: Codable, Sendable {
        package enum State: String, Codable, Sendable {
            case running, interrupted, failed, finished
        }

        package var state: State
        /// Why the run failed. Nil unless it did.
        package var failure: String?
        package var version: String
        /// The command line that started the run.
        package var command: String
        package var started: Date
        package var settings: TrainingSettings
        /// SHA-256 digests of the files of the teachers. Nil without teachers.
        package var teacherDigests: [String]?
        /// Absolute path of the data set.
        package var dataset: String
        /// `TileSet.digest` of the data set. Nil in runs of earlier versions.
        package var digest: String?
        /// Tiles by part and label.
        package var tiles: [String: [String: Int]]
        package var parameters: Int
        package var threads: Int
        /// How and where the run was started or last resumed. Nil in runs of earlier versions.
        package var execution: Execution?
        package var chosenOn: EvaluationSplit?
        package var history: [EpochRecord]
        /// The number of the best model's epoch in its cycle.
        package var bestEpoch: Int?
        /// Finished cycles.
        package var cycles: [CycleRecord]?
        /// Scores of the best and the last model on the test tiles. Nil until the run has finished.
        package var bestTest: Score?
        package var lastTest: Score?
        package var seconds: Double

        /// The record of a new run.
        package init(
            _ settings: TrainingSettings, set: TileSet, split: Split, parameters: Int, chosenOn: EvaluationSplit?,
            version: String, command: String
        ) {
            state = .running
            self.version = version
            self.command = command
            started = Date()
            self.settings = settings
            dataset = set.path.absolute.string
            digest = set.digest
            tiles = [:]
            for (name, part) in [("train", split.train), ("validation", split.validation), ("test", split.test)] {
                tiles[name] = Dictionary(uniqueKeysWithValues: zip(TileLabel.names, set.counts(of: part)))
            }
            tiles["unlabeled"] = ["used": split.unlabeled.count, "all": set.unlabeled.count]
            self.parameters = parameters
            threads = Kernels.threadCount
            execution = Self.ownExecution
            self.chosenOn = chosenOn
            history = []
            seconds = 0
        }

        static var ownExecution: Execution {
            Execution(threads: Kernels.threadCount, instructions: Kernels.instructions.rawValue)
        }

        /// Throws `FileError` for a number that is out of its range, as in a record that was edited. `path` is the file.
        func check(_ path: FilePath) throws(FileError) {
            do throws(HyperparameterError) {
                try settings.check()
            } catch {
                throw FileError(path, expected: "\(error.name) of \(error.expected)", found: error.found)
            }
            if let teacherDigests, teacherDigests.count != settings.teachers?.count ?? 0 {
                throw FileError(
                    path, expected: "a digest for each of \(settings.teachers?.count ?? 0) teachers",
                    found: "\(teacherDigests.count)")
            }
            guard 0...1e9 ~= seconds else {
                throw FileError(path, expected: "seconds from 0 to 1e9", found: "\(seconds)")
            }
            let range = TemperatureScaling.range
            if let cycle = cycles?.first(where: { !range.contains($0.temperature) }) {
                throw FileError(
                    path, expected: "temperatures from \(range.lowerBound) to \(range.upperBound)",
                    found: "\(cycle.temperature)")
            }
        }
    }
}
