import Foundation
import Foundations
import Tensors

/// What is needed to use a network: its architecture, what its outputs mean, and what its inputs have to look like.
package struct ModelDescription: Codable, Equatable, Sendable {
    package var architecture: Architecture
    /// Side of the square tiles, in pixels.
    package var tileSize: Int
    /// Names of the outputs, in their order.
    package var classes: [String]
    /// What pixels are normalised by.
    package var statistics: ChannelStatistics
    /// Resolution of the tiles that the network learnt from; nil when it is not known.
    package var micronsPerPixel: Double?
    /// Share of the dense features that training drops.
    package var dropout: Float

    package init(
        architecture: Architecture, tileSize: Int, classes: [String], statistics: ChannelStatistics,
        micronsPerPixel: Double? = nil, dropout: Float = 0
    ) {
        self.architecture = architecture
        self.tileSize = tileSize
        self.classes = classes
        self.statistics = statistics
        self.micronsPerPixel = micronsPerPixel
        self.dropout = dropout
    }
}

extension ModelDescription {
    func plan() throws -> NetworkPlan {
        try NetworkPlan(
            architecture.graph(classes: classes.count, dropout: dropout), inputShape: [3, tileSize, tileSize])
    }

    /// What is wrong with a description that came from outside.
    fileprivate var problem: (expected: String, found: String)? {
        if Set(classes).count < 2 || Set(classes).count < classes.count {
            return ("two or more classes of different names", classes.joined(separator: ", "))
        }
        if !(1...2048 ~= tileSize) { return ("a tile size of 1 to 2048 pixels", "\(tileSize)") }
        if !(0..<1 ~= dropout) { return ("a dropout of 0 or more, below 1", "\(dropout)") }
        let (mean, deviation) = (statistics.mean, statistics.deviation)
        let areUsable =
            mean.count == 3 && deviation.count == 3 && mean.allSatisfy { 0...255 ~= $0 }
            && deviation.allSatisfy { 0.01...255 ~= $0 }
        if !areUsable {
            return ("means of 0 to 255 and deviations of 0.01 to 255 for 3 channels", "\(mean) and \(deviation)")
        }
        return nil
    }
}

/// A network with all that is needed to use it. Its file is one `.safetensors`, whose tensors have the names and
/// shapes of the same network's `state_dict` in PyTorch, and whose metadata holds JSON texts: `model` (the
/// description), `format`, and records of training that this module does not read.
package struct Model {
    package static let format = "nuclei-model-1"

    package var description: ModelDescription
    package let network: Network
    /// More metadata, by key: settings, seed, history, metrics, version.
    package var records: [String: String]

    /// A model whose parameters and buffers are zero.
    package init(_ description: ModelDescription, records: [String: String] = [:]) throws {
        self.init(description, records, Network(try description.plan()))
    }

    private init(_ description: ModelDescription, _ records: [String: String], _ network: Network) {
        self.description = description
        self.records = records
        self.network = network
    }

    /// A model whose large tensors are those of the file, mapped: to be used, not trained. Throws `FileError` when the
    /// file is not a model's, or its tensors do not fit its architecture.
    package init(path: FilePath) throws {
        try self.init(SafetensorsFile(path: path))
    }

    /// The model in the content of a file. Throws as `init(path:)` does.
    package init(_ file: SafetensorsFile) throws {
        let path = file.path
        guard file.metadata["format"] == Self.format, let json = file.metadata["model"] else {
            let found = file.metadata["format"].map { "format \($0.prefix(40))" } ?? "no format in its metadata"
            throw FileError(path, expected: "a model of format \(Self.format)", found: found)
        }
        let description: ModelDescription
        do {
            description = try JSONDecoder().decode(ModelDescription.self, from: Data(json.utf8))
        } catch {
            throw FileError(path, expected: "a model description that this version knows", found: "another")
        }
        if let problem = description.problem {
            throw FileError(path, expected: problem.expected, found: problem.found)
        }
        let plan: NetworkPlan
        do {
            plan = try description.plan()
        } catch {
            throw FileError(path, expected: "layers for tiles of \(description.tileSize) pixels", found: "\(error)")
        }
        try plan.stateLayout.check(file)
        self.init(
            description, file.metadata.filter { $0.key != "format" && $0.key != "model" },
            Network(plan, sharing: plan.stateLayout.names.map(file.tensor)))
        if let name = network.state.firstNonFinite {
            throw FileError(path, expected: "finite weights", found: "a value in \(name) that is not")
        }
    }

    /// Writes the model file, whole or not at all.
    package func write(to path: FilePath) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        var metadata = records
        metadata["format"] = Self.format
        metadata["model"] = String(decoding: try encoder.encode(description), as: UTF8.self)
        try SafetensorsFile.write(network.state.named, metadata: metadata, to: path)
    }
}
