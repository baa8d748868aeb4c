import Foundations

/// Everything that determines the files of one image. A finished mask with the same fingerprint is up to date.
package struct MaskFingerprint: Codable, Equatable, Sendable {
    package let version: String
    package let image: ImageState
    /// SHA-256 digest of the model's file, or of an ensemble.
    package let model: String
    /// Temperature of the model's calibration; 1 for an ensemble.
    package let temperature: Double
    package let settings: MaskSettings
    package let resolution: String
    /// How tissue is found, or the SHA-256 digest of its outline.
    package let tissue: String
    /// How positive regions become nuclei; nil if they stay.
    package let refinement: String?
    package let formats: OutputFormats
    /// Names of the files without their folders.
    package let files: [String: String]

    package init(
        version: String, image: ImageState, model: String, temperature: Double, settings: MaskSettings,
        resolution: ResolutionChoice,
        tissue: String, refinement: String?, formats: OutputFormats, files: [OutputKind: FilePath]
    ) {
        (self.version, self.image, self.settings) = (version, image, settings)
        (self.model, self.temperature) = (model, temperature)
        (self.resolution, self.tissue, self.refinement, self.formats) = ("\(resolution)", tissue, refinement, formats)
        self.files = Dictionary(uniqueKeysWithValues: files.map { ($0.key.rawValue, $0.value.name) })
    }

    /// SHA-256 digest of all members.
    package var digest: String {
        do {
            return SHA256.digest(of: try JSON.text(self))
        } catch {
            preconditionFailure("settings have finite numbers only: \(error)")
        }
    }

    /// The record of an image that was masked with this fingerprint, if all its files still have the content that was
    /// written; nil otherwise.
    package func finished(_ files: [OutputKind: FilePath]) -> MaskRecord? {
        guard let path = files[.record], let record = MaskRecord(reading: path), record.request == digest,
            files.allSatisfy({ kind, path in kind == .record || record.digests?[kind.rawValue]?.matches(path) ?? false }
            )
        else { return nil }
        return record
    }
}
