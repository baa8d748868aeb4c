import Masking
import NeuralNetworks
import Tensors

/// LeNet-5 for tiles of 32 pixels.
func smallModel() throws -> Model {
    let model = try Model(
        ModelDescription(
            architecture: .lenet5, tileSize: 32, classes: ["NO_NUCLEUS", "NUCLEI"],
            statistics: ChannelStatistics(mean: [120, 130, 140], deviation: [50, 60, 70])))
    try model.network.initialize(seed: 3)
    return model
}

/// On blocks of 96 pixels.
func smallMasker(stride: Int = 16) throws -> Masker {
    var settings = MaskSettings()
    settings.stride = stride
    let masker = try Masker(smallModel(), path: "model", batchSize: 7, settings: settings)
    masker.largestBlock = 96
    return masker
}
