import Tensors

/// How training tiles are varied: probabilities and ranges of every step. `AugmentationSettings()` changes nothing.
///
/// Each step draws from a stream of its own, so that switching one off leaves the numbers of the others as they are.
package struct AugmentationSettings: Codable, Equatable, Sendable {
    /// Flips and quarter turns are exact; they and the affine map are one resampling together.
    package struct Geometry: Codable, Equatable, Sendable {
        /// Probabilities.
        package var horizontalFlip = 0.0
        package var verticalFlip = 0.0
        /// Probability of a turn by 0, 90, 180 or 270 degrees, each as likely.
        package var quarterTurn = 0.0
        /// Probability of the affine map, which the fields below describe. Without it tiles stay as sharp as they are.
        package var affine = 0.0
        /// Degrees, uniform in +-rotation.
        package var rotation = 0.0
        /// Share of a tile's side, uniform in +-translation for each axis.
        package var translation = 0.0
        /// Factor of all lengths, log-uniform.
        package var scale = 1.0...1.0
        /// Degrees, uniform in +-shear, along the rows.
        package var shear = 0.0
        /// What lies beyond a tile's edges: white, else the mirrored tile.
        package var hasWhiteBorder = false

        package init() {}
    }

    /// What staining and scanning vary, in optical density.
    package struct Stain: Codable, Equatable, Sendable {
        package var probability = 0.0
        /// Factors of the amounts of hematoxylin and of eosin, log-uniform, drawn apart.
        package var scale = 1.0...1.0
        /// Optical density that is added for either dye, uniform in +-shift.
        package var shift = 0.0
        /// The light of each channel is multiplied by a factor that is uniform in 1 +- illumination.
        package var illumination = 0.0

        package init() {}
    }

    /// torchvision's ColorJitter: factors uniform in 1 +- the number, for hue turns of the circle of hues in +-hue.
    package struct Color: Codable, Equatable, Sendable {
        package var probability = 0.0
        package var brightness = 0.0
        package var contrast = 0.0
        package var saturation = 0.0
        package var hue = 0.0
        /// Whether the order of the four is drawn, else it is as here.
        package var isShuffled = true

        package init() {}
    }

    /// A step with one number, uniform in a range.
    package struct Chance: Codable, Equatable, Sendable {
        package var probability = 0.0
        package var range: ClosedRange<Double>

        package init(_ probability: Double, _ range: ClosedRange<Double>) {
            self.probability = probability
            self.range = range
        }
    }

    /// A rectangle that is overwritten after normalization, as torchvision's RandomErasing.
    package struct Cutout: Codable, Equatable, Sendable {
        package enum Fill: String, Codable, Sendable {
            /// Independent numbers of N(0, 1).
            case noise
            /// The mean color.
            case mean
        }

        package var probability = 0.0
        /// Share of the tile's area, uniform.
        package var area = 0.02...0.15
        /// Height over width, log-uniform.
        package var aspect = 0.3...3.3
        package var fill = Fill.noise

        package init() {}
    }

    package var geometry = Geometry()
    package var stain = Stain()
    package var color = Color()
    /// Standard deviation of a Gaussian blur, in pixels.
    package var blur = Chance(0, 0.3...2.5)
    /// Standard deviation of Gaussian noise, in gray levels.
    package var noise = Chance(0, 1...6)
    /// Quality of a JPEG compression, 1 to 100.
    package var jpeg = Chance(0, 30...90)
    package var cutout = Cutout()

    package init() {}

    private enum CodingKeys: String, CodingKey {
        case geometry, stain, color, blur, noise, jpeg, cutout
    }

    /// The British spelling of `color`, which earlier versions wrote to runs and checkpoints.
    private enum EarlierKeys: String, CodingKey {
        case color = "colour"
    }

    /// Decodes the settings of any version.
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
        noise = try values.decode(Chance.self, forKey: .noise)
        jpeg = try values.decode(Chance.self, forKey: .jpeg)
        cutout = try values.decode(Cutout.self, forKey: .cutout)
    }
}
