import Foundations
import Foundation

/// All that decides what is written of an image: where it is the same, a finished mask need not be made again.
package struct MaskRequest: Codable, Equatable, Sendable {
    package let version: String
    package let image: FileState
    /// SHA-256 of the model's file.
    package let model: String
    package let settings: MaskSettings
    package let resolution: String
    /// How tissue is told, or the SHA-256 of its outline.
    package let tissue: String
    /// How positive regions become nuclei; nil when they do not.
    package let refinement: String?
    /// Bits a pixel of the mask.
    package let bits: Int
    /// Names of the files, without their folders.
    package let files: [String: String]

    package init(
        version: String, image: FileState, model: String, settings: MaskSettings, resolution: ResolutionChoice,
        tissue: String, refinement: String?, bits: Int, files: [OutputNames.Kind: FilePath]
    ) {
        (self.version, self.image, self.model, self.settings) = (version, image, model, settings)
        (self.resolution, self.tissue, self.refinement, self.bits) = ("\(resolution)", tissue, refinement, bits)
        self.files = Dictionary(
            uniqueKeysWithValues: files.map { ($0.key.rawValue, $0.value.name) })
    }

    /// SHA-256 of all of it.
    package var digest: String {
        let encoder = JSONEncoder()
        encoder.outputFormatting = [.sortedKeys]
        // Numbers that JSON cannot say are none of the settings'.
        let text = try! encoder.encode(self)
        return text.withUnsafeBytes { SHA256.digest(of: $0) }
    }

    /// The record of an image that has been masked as it is asked for, and all of whose files are there; nil otherwise.
    package func finished(_ files: [OutputNames.Kind: FilePath]) -> MaskRecord? {
        guard let path = files[.record], let record = MaskRecord(reading: path), record.request == digest,
            files.values.allSatisfy(\.exists)
        else { return nil }
        return record
    }
}
