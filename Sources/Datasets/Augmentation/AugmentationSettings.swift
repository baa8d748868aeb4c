/// Probabilities and ranges of the random changes to training tiles. `AugmentationSettings()` changes nothing.
///
/// Each step draws from its own random stream, so that disabling one step does not change the numbers of the others.
package struct AugmentationSettings: Codable, Equatable, Sendable {
    /// Flips, quarter turns and an affine map, applied together in one resampling. Flips and quarter turns alone are
    /// exact.
    package struct Geometry: Codable, Equatable, Sendable {
        /// Probability of a horizontal flip.
        package var horizontalFlip = 0.0
        /// Probability of a vertical flip.
        package var verticalFlip = 0.0
        /// Probability of a turn by 0, 90, 180 or 270 degrees, each equally likely.
        package var quarterTurn = 0.0
        /// Probability of the affine map that the properties below describe. Tiles without it keep their sharpness.
        package var affine = 0.0
        /// Largest rotation in degrees; uniform in -rotation ... rotation.
        package var rotation = 0.0
        /// Largest translation along each axis, as a share of the side; uniform in -translation ... translation.
        package var translation = 0.0
        /// Scale factor, log-uniform.
        package var scale = 1.0...1.0
        /// Largest shear along the rows in degrees; uniform in -shear ... shear.
        package var shear = 0.0
        /// Whether the area beyond the edges of a tile is white, instead of the mirrored tile.
        package var hasWhiteBorder = false

        package init() {}
    }

    /// Variation of staining and scanning, in optical density.
    package struct Stain: Codable, Equatable, Sendable {
        package var probability = 0.0
        /// Factors of the amounts of hematoxylin and of eosin, log-uniform and independent.
        package var scale = 1.0...1.0
        /// Largest optical density added to each stain; uniform in -shift ... shift.
        package var shift = 0.0
        /// Largest relative change of the light in each channel; factors are uniform in 1 - illumination ... 1 +
        /// illumination.
        package var illumination = 0.0

        package init() {}
    }

    /// Color jitter as in torchvision's `ColorJitter`. Factors are uniform in 1 - value ... 1 + value.
    package struct Color: Codable, Equatable, Sendable {
        package var probability = 0.0
        package var brightness = 0.0
        package var contrast = 0.0
        package var saturation = 0.0
        /// Largest rotation of the hue in full turns; uniform in -hue ... hue.
        package var hue = 0.0
        /// Whether the four changes have a random order, instead of the order above.
        package var isShuffled = true

        package init() {}
    }

    /// A step with one parameter, uniform in a range.
    package struct Chance: Codable, Equatable, Sendable {
        package var probability = 0.0
        package var range: ClosedRange<Double>

        package init(_ probability: Double, _ range: ClosedRange<Double>) {
            self.probability = probability
            self.range = range
        }
    }

    /// A rectangle that is overwritten after normalization, as in torchvision's `RandomErasing`.
    package struct Cutout: Codable, Equatable, Sendable {
        package enum Fill: String, Codable, Sendable {
            /// Independent samples of N(0, 1).
            case noise
            /// The mean color.
            case mean
        }

        package var probability = 0.0
        /// Share of the area of the tile, uniform.
        package var area = 0.02...0.15
        /// Height divided by width, log-uniform.
        package var aspect = 0.3...3.3
        package var fill = Fill.noise

        package init() {}
    }

    package var geometry = Geometry()
    package var stain = Stain()
    package var color = Color()
    /// Standard deviation of a Gaussian blur, in pixels.
    package var blur = Chance(0, 0.3...2.5)
    /// Strength of an unsharp mask with a standard deviation from `sharpeningRadius`, of tiles that are not blurred.
    package var sharpening = Chance(0, 0.3...2)
    static let sharpeningRadius = 0.7...1.5
    /// Standard deviation of Gaussian noise, in gray levels.
    package var noise = Chance(0, 1...6)
    /// Quality of a JPEG compression, 1 to 100.
    package var jpeg = Chance(0, 30...90)
    package var cutout = Cutout()

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case geometry, stain, color, blur, sharpening, noise, jpeg, cutout
    }

    /// The key of `color` in runs and checkpoints of earlier versions.
    private enum EarlierKeys: String, CodingKey {
        case color = "colour"
    }

    /// Decodes settings of this version and of earlier ones.
    package init(from decoder: any Decoder) throws {
        let values = try decoder.container(keyedBy: CodingKeys.self)
        geometry = try values.decode(Geometry.self, forKey: .geometry)
        stain = try values.decode(Stain.self, forKey: .stain)
        if values.contains(.color) {
            color = try values.decode(Color.self, forKey: .color)
        } else {
            color = try decoder.container(keyedBy: EarlierKeys.self).decode(Color.self, forKey: .color)
        }
        blur = try values.decode(Chance.self, forKey: .blur)
        sharpening = try values.decodeIfPresent(Chance.self, forKey: .sharpening) ?? sharpening
        noise = try values.decode(Chance.self, forKey: .noise)
        jpeg = try values.decode(Chance.self, forKey: .jpeg)
        cutout = try values.decode(Cutout.self, forKey: .cutout)
    }
}
