/// A rectangle of an image, in pixels.
package struct PixelRegion: Hashable, Sendable {
    package var x: Int
    package var y: Int
    package var width: Int
    package var height: Int

    package init(x: Int, y: Int, width: Int, height: Int) {
        self.x = x
        self.y = y
        self.width = width
        self.height = height
    }

    package var right: Int { x + width }
    package var bottom: Int { y + height }
    package var area: Int { width * height }
    package var isEmpty: Bool { width <= 0 || height <= 0 }

    package func intersection(_ other: PixelRegion) -> PixelRegion {
        let (left, top) = (max(x, other.x), max(y, other.y))
        return PixelRegion(
            x: left, y: top, width: max(0, min(right, other.right) - left),
            height: max(0, min(bottom, other.bottom) - top))
    }

    package func contains(x: Int, y: Int) -> Bool { x >= self.x && x < right && y >= self.y && y < bottom }

    /// Whether all pixels are in one of some parts, which may overlap.
    package func isCovered(by parts: [PixelRegion]) -> Bool {
        if isEmpty { return true }
        let parts = parts.map(intersection).filter { !$0.isEmpty }
        let edges = Set([y] + parts.flatMap { [$0.y, $0.bottom] }).sorted()
        return edges.filter { $0 < bottom }.allSatisfy { top in
            parts.filter { $0.y <= top && top < $0.bottom }.map { $0.x..<$0.right }.merged() == [x..<right]
        }
    }

    package func intersects(_ other: PixelRegion) -> Bool { !intersection(other).isEmpty }
}
