import Foundations
import NeuralNetworks

/// A model that makes masks, alone or in an ensemble.
package struct MaskModel {
    /// Its file, or the name of a bundled model.
    package let path: FilePath
    package let model: Model
    /// Digest of the model's file.
    package let sha256: String
    /// The calibration of the model.
    package let scaling: TemperatureScaling

    /// Throws `malformed` where the model has an invalid calibration.
    package init(_ model: Model, path: FilePath, sha256: String) throws(FileError) {
        (self.path, self.model, self.sha256) = (path, model, sha256)
        scaling = try TemperatureScaling(model, path: path)
    }
}

/// The models that a mask is made with: one, or an ensemble whose probabilities are averaged.
package struct MaskModels {
    package let members: [MaskModel]

    /// Throws `malformed` where a model occurs twice, or differs from the first in what it finds or in its resolution.
    package init(_ members: [MaskModel]) throws(FileError) {
        precondition(!members.isEmpty)
        for (index, member) in members.enumerated() {
            if members[..<index].contains(where: { $0.sha256 == member.sha256 }) {
                throw FileError(member.path, expected: "different models", found: "the same model twice")
            }
            guard member.kind == members[0].kind else {
                throw FileError(
                    member.path, expected: "\(members[0].kind), like \(members[0].path)", found: "\(member.kind)")
            }
        }
        self.members = members
    }

    package var isEnsemble: Bool { members.count > 1 }
    /// The description of the first model. All find the same at the same resolution.
    var description: ModelDescription { members[0].model.description }
    package var outlinesNuclei: Bool { description.architecture.outlinesNuclei }

    /// The method that masks images with these models. Throws `malformed` for a model that cannot compute with the
    /// precision, and what `make` throws.
    package func method(_ precision: Precision, _ make: () throws -> any MaskMethod) throws -> any MaskMethod {
        do {
            return try make()
        } catch let error as LayerError where precision == .int16 {
            let member =
                members.first {
                    (try? PredictionNetwork($0.model, precision, shufflesPixels: !outlinesNuclei)) == nil
                } ?? members[0]
            throw FileError(
                member.path, expected: "a model that can compute with \(precision.rawValue)", found: "\(error)")
        }
    }
}

extension MaskModel {
    /// What must be equal in an ensemble, in words.
    fileprivate var kind: String {
        let description = model.description
        let scale = description.micronsPerPixel.map { "\($0) microns per pixel" } ?? "an unknown resolution"
        return description.architecture.outlinesNuclei
            ? "a model that outlines nuclei at \(scale)"
            : "a model that classifies windows of \(description.tileSize) pixels at \(scale)"
    }
}
