import Imaging

extension PixelRegion {
    /// The region with a margin added on all sides.
    func grown(by margin: Int) -> PixelRegion {
        PixelRegion(x: x - margin, y: y - margin, width: width + 2 * margin, height: height + 2 * margin)
    }

    /// Whether a position is inside, in pixels.
    func contains(_ px: Float, _ py: Float) -> Bool {
        px >= Float(x) && px < Float(x + width) && py >= Float(y) && py < Float(y + height)
    }

    /// The Chebyshev distance of a position from the region, in pixels; 0 inside.
    func distance(_ px: Float, _ py: Float) -> Float {
        let dx = max(Float(x) - px, px - Float(x + width), 0)
        let dy = max(Float(y) - py, py - Float(y + height), 0)
        return max(dx, dy)
    }

    /// The rows and columns that a disk touches, relative to the corner of the region.
    func overlap(x centerX: Float, y centerY: Float, radius: Float) -> (rows: Range<Int>, columns: Range<Int>) {
        func range(_ center: Float, _ origin: Int, _ count: Int) -> Range<Int> {
            let first = max(0, min(count, Int((center - radius).rounded(.down)) - origin))
            let end = max(first, min(count, Int((center + radius).rounded(.up)) + 1 - origin))
            return first..<end
        }
        return (range(centerY, y, height), range(centerX, x, width))
    }
}
