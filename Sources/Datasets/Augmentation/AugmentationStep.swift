/// Parts of augmentation that may be left out, to see what each of them is good for.
package enum AugmentationStep: String, CaseIterable, Sendable {
    /// Flips and quarter turns.
    case flips
    /// Turns by other angles, shifts and shear.
    case rotation
    case scale, stain, color, blur, noise, jpeg, cutout
}

extension AugmentationSettings {
    package mutating func disable(_ step: AugmentationStep) {
        let nothing = AugmentationSettings()
        switch step {
        case .flips: (geometry.horizontalFlip, geometry.verticalFlip, geometry.quarterTurn) = (0, 0, 0)
        case .rotation: (geometry.rotation, geometry.translation, geometry.shear) = (0, 0, 0)
        case .scale: geometry.scale = nothing.geometry.scale
        case .stain: stain = nothing.stain
        case .color: color = nothing.color
        case .blur: blur = nothing.blur
        case .noise: noise = nothing.noise
        case .jpeg: jpeg = nothing.jpeg
        case .cutout: cutout = nothing.cutout
        }
    }
}
