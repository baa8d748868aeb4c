import Datasets
import NeuralNetworks
import Tensors
import TestSupport
import Testing
import Training

@Suite(.kernelTurns) struct ScoringTests {
    /// Outputs in another order are identified by the class names of the model.
    @Test func outputsAreFoundByName() throws {
        let set = try SyntheticTiles.set.get()
        var description = ModelDescription(
            architecture: .lenet5, tileSize: TileSet.tileSize, classes: TileLabel.names,
            statistics: try set.channelStatistics(of: set.labeled))
        let model = try Model(description)
        // All weights are 0, so the biases predict NUCLEI.
        model.network.parameters["fc2.bias"]?.copy(from: Tensor([2], [-1, 1]))
        let score = try Evaluation.score(try Predictor(model, batchSize: 8), on: set.labeled, of: set)
        #expect(score.classes["NUCLEI"]?.recall == 1 && score.classes["NO_NUCLEUS"]?.recall == 0)
        description.classes = ["NUCLEI", "NO_NUCLEUS"]
        let swapped = try Model(description)
        swapped.network.parameters["fc2.bias"]?.copy(from: Tensor([2], [1, -1]))
        let other = try Evaluation.score(try Predictor(swapped, batchSize: 8), on: set.labeled, of: set)
        #expect(other.accuracy == score.accuracy && other.classes == score.classes)
        #expect(other.confusion != score.confusion)
    }

    @Test func modelsForOtherTilesAreRejected() throws {
        let statistics = ChannelStatistics(mean: [1, 1, 1], deviation: [1, 1, 1])
        func message(_ tileSize: Int, _ classes: [String]) throws -> String {
            let description = ModelDescription(
                architecture: .lenet5, tileSize: tileSize, classes: classes, statistics: statistics)
            do {
                try Evaluation.requireFit(Model(description), side: 256, path: "m")
                return "no error"
            } catch {
                return "\(error)"
            }
        }
        let expected = "m: expected a model of NO_NUCLEUS, NUCLEI for tiles of 256 pixels, found"
        #expect(try message(256, ["NUCLEI", "NO_NUCLEUS"]) == "no error")
        #expect(try message(64, TileLabel.names) == "\(expected) NO_NUCLEUS, NUCLEI for tiles of 64 pixels")
        #expect(try message(64, ["A", "B"]) == "\(expected) A, B for tiles of 64 pixels")
    }

    @Test func nonFiniteOutputsAreRejected() throws {
        let set = try SyntheticTiles.set.get()
        let model = try Model(
            ModelDescription(
                architecture: .lenet5, tileSize: TileSet.tileSize, classes: TileLabel.names,
                statistics: try set.channelStatistics(of: set.labeled)))
        model.network.parameters["fc2.bias"]?.copy(from: Tensor([2], [.nan, 0]))
        #expect(throws: PredictionError.self) {
            _ = try Evaluation.score(try Predictor(model, batchSize: 8), on: [0], of: set)
        }
    }
}
