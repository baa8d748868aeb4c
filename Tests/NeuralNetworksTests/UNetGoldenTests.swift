import NeuralNetworks
import Tensors
import TestSupport
import Testing

/// The loss of pixels and the gradients of a U-Net compared with PyTorch in double precision, with the same weights and
/// images.
@Suite(.kernelTurns) struct UNetGoldenTests {
    @Test func lossAndGradientsMatchPyTorch() throws {
        for golden in try Golden().cases(of: "unet", atLeast: 2) {
            let (widths, shape) = (try golden.ints("widths"), Shape(try golden.ints("shape")))
            let network = try Network(Architecture.unetGraph(widths: widths, dropout: 0), inputShape: shape.sample)
            try network.initialize(seed: 1)
            let (seed, names) = (UInt64(try golden.int("seed")), try golden.strings("parameters"))
            #expect(Set(names) == Set(network.parameters.named.map(\.name)))
            for (index, name) in names.enumerated() {
                let tensor = try #require(network.parameters[name], "\(name)")
                let isVector = tensor.shape.dimensions.count == 1
                let scale = isVector ? 0.3 : 1 / Float(tensor.shape.sample.count).squareRoot()
                let values = Formula.values(seed: seed + UInt64(index), count: tensor.count, scale: Double(scale))
                let offset: Float = isVector && name.hasSuffix("weight") ? 1 : 0
                tensor.copy(from: Tensor(tensor.shape, values.map { $0 + offset }))
            }
            let workspace = Workspace(network, capacity: shape[0], supportsBackward: true)
            workspace.input.copy(
                from: Tensor(
                    shape, Formula.values(seed: UInt64(try golden.int("input_seed")), count: shape.count)))

            let logits = try workspace.forward(.training(seed: 1))
            try compare(
                "logits", logits.values, golden.doubles(tensor: "logits"), Tolerance(absolute: 1e-5, relative: 1e-4))
            let (truth, settings) = (try truth(golden), try settings(golden))
            let classes = try golden.tensor("classes").octets()
            let scratch = Tensor([Kernels.pixelScratchCount(batch: shape[0], plane: shape[2] * shape[3])])
            let sums = try Kernels.pixelLossForward(
                logits, classes: classes.span.bytes, truth: truth, settings, scratch: scratch)
            try compare("loss", [sums.loss], golden.doubles(tensor: "losses"), Tolerance(absolute: 1e-6))
            try Kernels.pixelLossBackward(
                workspace.logitsGradient, sums, logits, classes: classes.span.bytes, truth: truth, settings,
                scratch: scratch)
            let gradients = Gradients(network, storesAll: true)
            try workspace.backward(into: gradients)
            for (name, gradient) in gradients.stored.named {
                let values = gradient.values
                // Relative to the largest element, because small ones may be differences of large terms.
                try compare(
                    name, values, golden.doubles(tensor: "grad.\(name)"),
                    Tolerance(absolute: 1e-4 * values.largestMagnitude))
            }
        }
    }

    private func truth(_ golden: Golden.Case) throws -> [PixelTruth] {
        let kinds: [String: PixelTruth] = ["classes": .classes, "any": .any, "absent": .absent, "none": .none]
        return try golden.strings("truth").map { try #require(kinds[$0]) }
    }

    private func settings(_ golden: Golden.Case) throws -> PixelLoss {
        var settings = PixelLoss()
        settings.classWeights = try golden.doubles("class_weights").map { Float($0) }
        settings.diceWeight = Float(try golden.double("dice_weight"))
        settings.anyWeight = Float(try golden.double("any_weight"))
        settings.absentWeight = Float(try golden.double("absent_weight"))
        settings.scoredPixels = try golden.int("scored_pixels")
        return settings
    }
}
