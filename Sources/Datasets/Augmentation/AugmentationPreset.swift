/// Augmentation settings by name.
package enum AugmentationPreset: String, CaseIterable, Codable, Sendable {
    case reference
    case referenceCutout = "reference-cutout"
    case pathology
    case scanners

    package var settings: AugmentationSettings {
        switch self {
        case .reference: .reference
        case .referenceCutout: .referenceCutout
        case .pathology: .pathology
        case .scanners: .scanners
        }
    }
}

extension AugmentationSettings {
    /// The augmentation of the published recipe: flips, rotation by up to 90 degrees, color jitter, and an affine map.
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

    /// The augmentation of the published recipe with cutout: flips, rotation and cutout only.
    package static var referenceCutout: AugmentationSettings {
        var settings = flipsAndRotation
        settings.cutout.probability = 0.5
        return settings
    }

    /// Variation between slides, laboratories and scanners: orientation, magnification, stain, light, focus and
    /// compression. Tissue has no preferred direction, so every angle is equally likely.
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

    /// Wider variation than `pathology`, for images of scanners, stains and magnifications that the data set does not
    /// have: nuclei from two thirds to one and a half of their size, pale and dense stains, dim and bright light.
    package static var scanners: AugmentationSettings {
        var settings = AugmentationSettings.pathology
        settings.geometry.scale = 0.65...1.5
        settings.stain.probability = 0.9
        settings.stain.scale = 0.45...1.6
        settings.stain.shift = 0.06
        settings.stain.illumination = 0.07
        settings.color.brightness = 0.55
        settings.color.contrast = 0.3
        settings.color.saturation = 0.4
        settings.color.hue = 0.04
        settings.blur = Chance(0.25, 0.3...1.3)
        settings.sharpening = Chance(0.4, 0.3...2)
        settings.noise.probability = 0.3
        settings.jpeg.probability = 0.25
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

/// A step of the augmentation that can be disabled, to measure its effect.
package enum AugmentationStep: String, CaseIterable, Sendable {
    /// Flips and quarter turns.
    case flips
    /// Rotation by other angles, translation and shear.
    case rotation
    case scale, stain, color, blur, sharpening, noise, jpeg, cutout
}

extension AugmentationSettings {
    /// Disables a step. The random numbers of the other steps stay the same.
    package mutating func disable(_ step: AugmentationStep) {
        let none = AugmentationSettings()
        switch step {
        case .flips: (geometry.horizontalFlip, geometry.verticalFlip, geometry.quarterTurn) = (0, 0, 0)
        case .rotation: (geometry.rotation, geometry.translation, geometry.shear) = (0, 0, 0)
        case .scale: geometry.scale = none.geometry.scale
        case .stain: stain = none.stain
        case .color: color = none.color
        case .blur: blur = none.blur
        case .sharpening: sharpening = none.sharpening
        case .noise: noise = none.noise
        case .jpeg: jpeg = none.jpeg
        case .cutout: cutout = none.cutout
        }
    }
}
