extension AugmentationSettings {
    /// The first number from a file that is out of its range, in words; nil where all are valid.
    package var problem: (name: String, expected: String, found: String)? {
        let numbers: [(name: String, values: [Double], range: ClosedRange<Double>)] = [
            ("geometry.horizontalFlip", [geometry.horizontalFlip], 0...1),
            ("geometry.verticalFlip", [geometry.verticalFlip], 0...1),
            ("geometry.quarterTurn", [geometry.quarterTurn], 0...1),
            ("geometry.affine", [geometry.affine], 0...1),
            ("geometry.rotation", [geometry.rotation], 0...360),
            ("geometry.translation", [geometry.translation], 0...1),
            ("geometry.scale", geometry.scale.ends, 0.1...10),
            ("geometry.shear", [geometry.shear], 0...60),
            ("stain.probability", [stain.probability], 0...1),
            ("stain.scale", stain.scale.ends, 0.01...100),
            ("stain.shift", [stain.shift], 0...10),
            ("stain.illumination", [stain.illumination], 0...1),
            ("color.probability", [color.probability], 0...1),
            ("color.brightness", [color.brightness], 0...1),
            ("color.contrast", [color.contrast], 0...1),
            ("color.saturation", [color.saturation], 0...1),
            ("color.hue", [color.hue], 0...0.5),
            ("blur.probability", [blur.probability], 0...1),
            ("blur.range", blur.range.ends, 0...32),
            ("sharpening.probability", [sharpening.probability], 0...1),
            ("sharpening.range", sharpening.range.ends, 0...8),
            ("noise.probability", [noise.probability], 0...1),
            ("noise.range", noise.range.ends, 0...255),
            ("jpeg.probability", [jpeg.probability], 0...1),
            ("jpeg.range", jpeg.range.ends, 1...100),
            ("cutout.probability", [cutout.probability], 0...1),
            ("cutout.area", cutout.area.ends, 0...1),
            ("cutout.aspect", cutout.aspect.ends, 0.01...100),
        ]
        for (name, values, range) in numbers {
            if let value = values.first(where: { !range.contains($0) }) {
                return (name, "\(range.lowerBound) to \(range.upperBound)", "\(value)")
            }
        }
        return nil
    }
}

extension ClosedRange {
    fileprivate var ends: [Bound] { [lowerBound, upperBound] }
}
