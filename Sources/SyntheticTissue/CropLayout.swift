import Imaging
import Tensors

extension TissueLayout {
    /// The layout of a crop: dense nuclei, stroma with few or no nuclei, fat, blood and glass, with gradual transitions.
    init(crop seed: UInt64, width: Int, height: Int) {
        var random = SplitMix64(seed: seed, stream: 61)
        self.init(seed: seed, random: &random)
        // The pattern is smaller in small crops; otherwise most of them would show one kind of tissue only.
        let span = max(420, min(1300, Float(min(width, height)) * 0.5))
        tissue.offset = random.between(0.25, 0.5)
        tissue.height = 0.95
        tissue.wavelength = span * 1.2
        cellularity.offset = random.between(0.08, 0.24)
        cellularity.height = 0.85
        cellularity.wavelength = span * 0.75
        lymphoid.offset = -0.42
        lymphoid.height = 0.85
        lymphoid.wavelength = span * 0.4
        fat.offset = -0.5
        fat.height = 0.95
        fat.wavelength = span
        blood.offset = -0.62
        blood.height = 1
        blood.wavelength = 160
        thickness.wavelength = 420
        smear.height = 0.12
        vacuoleShare = random.between(0, 0.012)
        gaps *= 0.7
        openGlands(&random)
        if min(width, height) >= 512 { setAnchors(width: width, height: height, &random) }
    }

    /// Keeps one window of 256 pixels free of nuclei, and places dense nuclei opposite.
    private mutating func setAnchors(width: Int, height: Int, _ random: inout SplitMix64) {
        /// A multiple of 128 near the start or the end of a side, such that the window does not reach the middle.
        func start(_ length: Int) -> Int {
            let slots = max(1, (length / 2 - 256) / 128 + 1)
            let slot = Int(random.unit() * Float(slots))
            return random.chance(0.5) ? slot * 128 : (length - 256) / 128 * 128 - slot * 128
        }
        let window = PixelRegion(x: start(width), y: start(height), width: 256, height: 256)
        emptyWindow = window
        packedCenter = SIMD2(Float(width - window.x - 128), Float(height - window.y - 128))
    }
}
