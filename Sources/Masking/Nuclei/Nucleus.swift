import Imaging

/// The outline of a nucleus and its measurements.
///
/// Coordinates are pixels at full resolution; those of positions have the image's upper left corner at 0, 0.
package struct Nucleus: Equatable, Sendable {
    /// Pixels of a row.
    package struct Run: Equatable, Sendable {
        package var row: Int
        package var pixels: Range<Int>

        package init(row: Int, pixels: Range<Int>) { (self.row, self.pixels) = (row, pixels) }
    }

    /// Numbers that describe a nucleus.
    package struct Measurements: Equatable, Sendable {
        /// Square microns of the pixels.
        package var area: Float = 0
        /// Microns around the pixels (Crofton's formula with four directions).
        package var perimeter: Float = 0
        /// Center of mass.
        package var x = 0.0
        package var y = 0.0
        /// Of the ellipse with the same second moments: 0 for a circle, near 1 for a line.
        package var eccentricity: Float = 0
        /// Angle of that ellipse's long axis to the x axis, in degrees from -90 to 90; positive where the axis descends to
        /// the right.
        package var orientation: Float = 0
        /// 4 π area / perimeter², at most 1: 1 for a circle.
        package var circularity: Float = 0
        /// Share of the convex hull.
        package var solidity: Float = 0
        /// Mean probability of a nucleus.
        package var probability: Float = 0
        /// Mean over the pixels of the standard deviation of that probability between the models of an ensemble; 0 for one
        /// model.
        package var disagreement: Float = 0
        /// Mean optical densities of the stains.
        package var hematoxylin: Float = 0
        package var eosin: Float = 0

        package init() {}
    }

    /// Pixels by row, then from left to right; not empty. They are connected by edges, and no two nuclei share one.
    package var runs: [Run]
    package var measurements: Measurements

    package init(runs: [Run], measurements: Measurements) { (self.runs, self.measurements) = (runs, measurements) }

    package var pixelCount: Int { runs.reduce(0) { $0 + $1.pixels.count } }
    package var rows: Range<Int> { runs[0].row..<runs[runs.count - 1].row + 1 }
    /// The pixel of the center of mass.
    package var center: (x: Int, y: Int) { (Int(measurements.x), Int(measurements.y)) }
}

/// The nuclei of a block and what could not be processed.
package struct NucleusBlock: Equatable, Sendable {
    /// In the order of their anchors.
    package var nuclei: [Nucleus]
    /// Parts of the core that cannot be decoded, in pixels at full resolution. They do not overlap.
    package var unreadable: [PixelRegion]
    /// Whether the image has no pixel in the core.
    package var isOutside: Bool
    package var brightness = BrightnessSample()
    /// The number of objects with too little hematoxylin for a nucleus.
    package var pale = 0

    package init(nuclei: [Nucleus] = [], unreadable: [PixelRegion] = [], isOutside: Bool = false) {
        (self.nuclei, self.unreadable, self.isOutside) = (nuclei, unreadable, isOutside)
    }
}
