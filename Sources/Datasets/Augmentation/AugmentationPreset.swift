/// Settings by name.
package enum AugmentationPreset: String, CaseIterable, Codable, Sendable {
    case reference
    case referenceCutout = "reference-cutout"
    case pathology

    package var settings: AugmentationSettings {
        switch self {
        case .reference: .reference
        case .referenceCutout: .referenceCutout
        case .pathology: .pathology
        }
    }
}

extension AugmentationSettings {
    /// The reference's augmentation: flips, rotation to +-90 degrees, color jitter and an affine map.
    package static var reference: AugmentationSettings {
        var settings = flipsAndRotation
        settings.geometry.translation = 0.1
        settings.geometry.scale = 0.9...1.1
        settings.geometry.shear = 5
        settings.color.probability = 1
        settings.color.brightness = 0.2
        settings.color.contrast = 0.2
        settings.color.saturation = 0.1
        settings.color.hue = 0.05
        return settings
    }

    /// The reference's augmentation with cutout, which is flips, rotation and cutout alone.
    package static var referenceCutout: AugmentationSettings {
        var settings = flipsAndRotation
        settings.cutout.probability = 0.5
        return settings
    }

    /// What differs between slides, laboratories and scanners: any direction, magnification, dyes, light, focus and
    /// compression. Tissue has no up and down, so every angle is as likely.
    package static var pathology: AugmentationSettings {
        var settings = AugmentationSettings()
        settings.geometry.horizontalFlip = 0.5
        settings.geometry.verticalFlip = 0.5
        settings.geometry.quarterTurn = 1
        settings.geometry.affine = 0.75
        settings.geometry.rotation = 45
        settings.geometry.translation = 0.05
        settings.geometry.scale = 0.8...1.25
        settings.geometry.shear = 5
        settings.stain.probability = 0.8
        settings.stain.scale = 0.8...1.25
        settings.stain.shift = 0.02
        settings.stain.illumination = 0.04
        settings.color.probability = 0.8
        settings.color.brightness = 0.25
        settings.color.contrast = 0.25
        settings.color.saturation = 0.15
        settings.color.hue = 0.03
        settings.blur = Chance(0.2, 0.3...1.5)
        settings.noise.probability = 0.1
        settings.jpeg.probability = 0.2
        return settings
    }

    private static var flipsAndRotation: AugmentationSettings {
        var settings = AugmentationSettings()
        settings.geometry.horizontalFlip = 0.5
        settings.geometry.verticalFlip = 0.5
        settings.geometry.affine = 1
        settings.geometry.rotation = 90
        return settings
    }
}
