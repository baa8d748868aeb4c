import ArgumentParser
import Foundations
import Masking
import NeuralNetworks

/// The value of `--precision`.
enum PrecisionChoice: String, CaseIterable, ExpressibleByArgument {
    case auto, float32, int16

    /// Throws `FileError` for int16 where a model does not record what it needs for that.
    func resolved(for models: MaskModels) throws(FileError) -> Precision {
        switch self {
        case .auto: return .best(for: models.members.map(\.model))
        case .float32: return .float32
        case .int16:
            for member in models.members where member.model.description.fixedPoint == nil {
                throw FileError(
                    member.path, expected: "a model that records the ranges of its values, for --precision int16",
                    found: "none")
            }
            return .int16
        }
    }
}
