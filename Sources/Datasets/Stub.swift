package struct AugmentationSettings: Codable, Equatable, Sendable { package static let reference = Self(); package static let pathology = Self() }
package enum AugmentationPreset: String, CaseIterable, Sendable { case reference, pathology }
