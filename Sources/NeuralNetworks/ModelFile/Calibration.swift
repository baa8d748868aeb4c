import FoundationEssentials
import Foundations
import Glibc

/// Temperature scaling of logits: softmax(logits / temperature) (Guo et al., "On Calibration of Modern Neural Networks",
/// 2017). It changes probabilities, but no predicted class.
///
/// The probabilities of the classes of tiles are computed here.
package struct TemperatureScaling: Codable, Equatable, Sendable {
    package static let range = 0.05...20.0
    /// A temperature of 1, which leaves probabilities uncalibrated.
    package static let identity = TemperatureScaling(temperature: 1)

    package var temperature: Double

    package init(temperature: Double) {
        self.temperature = temperature
    }

    /// The scaling that a model's calibration states; `identity` for a model without one. `path` names the model in
    /// errors. Throws what `Calibration` throws.
    package init(_ model: Model, path: FilePath) throws(FileError) {
        self = try Calibration(model, path: path)?.scaling ?? .identity
    }

    /// Rows of `classes` probabilities for rows of logits.
    package func probabilities(_ logits: some Collection<Float>, classes: Int) -> [Double] {
        precondition(logits.count.isMultiple(of: classes))
        var result = logits.map { Double($0) / temperature }
        for start in stride(from: 0, to: result.count, by: classes) {
            let row = start..<start + classes
            let largest = result[row].max()!
            for index in row { result[index] = exp(result[index] - largest) }
            let total = result[row].reduce(0, +)
            for index in row { result[index] /= total }
        }
        return result
    }
}

/// The calibration of a model, stored as a JSON record in its file.
package struct Calibration: Codable, Equatable, Sendable {
    /// The key of the record in a model's metadata.
    package static let key = "calibration"

    package let temperature: Double
    /// The part of the model's split that the temperature was fitted on.
    package let fittedOn: String
    /// The number of tiles that the temperature was fitted on.
    package let tiles: Int

    package init(_ scaling: TemperatureScaling, fittedOn: String, tiles: Int) {
        temperature = scaling.temperature
        self.fittedOn = fittedOn
        self.tiles = tiles
    }

    /// Reads the record in a model's metadata. Returns nil for a model without one, and throws `FileError` for an invalid
    /// one.
    package init?(_ model: Model, path: FilePath) throws(FileError) {
        guard let json = model.records[Self.key] else { return nil }
        guard let record = try? JSON.decode(Calibration.self, from: Data(json.utf8)),
            TemperatureScaling.range.contains(record.temperature), record.tiles > 0
        else {
            let (low, high) = (TemperatureScaling.range.lowerBound, TemperatureScaling.range.upperBound)
            throw FileError(
                path, expected: "a calibration with a temperature from \(low) to \(high) and a number of tiles",
                found: String(json.prefix(80)))
        }
        self = record
    }

    package var scaling: TemperatureScaling { TemperatureScaling(temperature: temperature) }
}
