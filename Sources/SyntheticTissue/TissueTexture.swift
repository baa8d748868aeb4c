import Imaging
import Tensors

extension TissueLayout {
    /// Paints stroma, cytoplasm, fat and glass on an empty canvas.
    func paintTissue(on canvas: inout Canvas, nuclei: [Nucleus], appearance: SlideAppearance, fibers: Fibers) {
        let rect = canvas.rect
        let grain = GradientNoise(seed: seed, purpose: 41)
        let along = Plane(rect) { fibers.along($0, $1) }
        let across = Plane(rect) { fibers.across($0, $1) }
        let thickness = Plane(rect) { max(0.35, self.thickness.at($0, $1)) }
        let smear = Plane(rect) { max(0, self.smear.at($0, $1)) }
        let cellular = Plane(rect) { smoothStep(0.3, 0.55, cellularity($0, $1)) }
        let edge = Plane(rect) { tissueDistance($0, $1) }
        let fatness = Plane(rect) { edgeDistance(fat, $0, $1) }
        // The wall of a vessel is the zero line of the field of blood.
        let vessels = Plane(rect) { hasBlood ? blood.at($0, $1) : -1 }
        let weave = Plane(rect) { 0.45 + 1.1 * smoothStep(-0.5, 0.5, grain.value($0 / 95, $1 / 95)) }
        let cells = CellBorders(rect, nuclei: nuclei.filter { $0.type == .epithelial })
        let walls = FatWalls(seed: SplitMix64.derive(seed, [40]), cellSize: 78 * appearance.scale)
        let ragged = GradientNoise(seed: seed, purpose: 42)
        for row in 0..<rect.height {
            let y = Float(rect.y + row)
            for column in 0..<rect.width {
                let x = Float(rect.x + column)
                let index = row * rect.width + column
                // The edge of tissue is ragged: sharp in some places and gradual in others.
                var edgeHere = edge.values[index]
                var softness: Float = 1.2
                if abs(edgeHere) < 40 {
                    edgeHere += 5 * ragged.octaves(3, x / 30, y / 30)
                    softness += 3 * smoothStep(-0.1, 0.5, ragged.value(x / 60 + 7, y / 60))
                }
                var tissue = smoothStep(-softness, softness, edgeHere)
                if fatness.values[index] > -6 {
                    let inFat = smoothStep(-2, 2, fatness.values[index] + 5 * ragged.value(x / 25, y / 25))
                    if inFat > 0 { tissue *= 1 - inFat * (1 - walls.cover(x, y)) }
                }
                guard tissue > 0 else { continue }
                let speckle =
                    appearance.grain * (grain.value(x / 3.1, y / 3.1) + 0.6 * grain.value(x / 7.3 + 50, y / 7.3))
                let epithelium = cellular.values[index]
                var eosin: Float = 0
                var hematoxylin: Float = 0
                let vessel = smoothStep(-0.02, 0.05, vessels.values[index])
                if epithelium < 1 {
                    let fiber = fibers.texture(along: along.values[index], across: across.values[index], gaps: gaps)
                    let body =
                        (1 - 0.88 * fiber.gap)
                        * (1 + 0.5 * fiberHeight * weave.values[index] * fiber.strand + 0.10 * speckle)
                    eosin = (1 - epithelium) * 0.62 * body
                    hematoxylin = (1 - epithelium) * (0.09 * body + smear.values[index] * (0.7 + 0.5 * fiber.strand))
                }
                if epithelium > 0 {
                    let border = cells.paleness(index, line: smoothStep(-0.5, 0.3, ragged.value(x / 17, y / 17)))
                    let body = (1 - 0.5 * border) * (1 + 0.28 * speckle)
                    eosin += epithelium * 0.47 * body
                    hematoxylin += epithelium * (0.20 + smear.values[index]) * body
                }
                let amount = tissue * (1 - 0.85 * vessel) * thickness.values[index]
                canvas.eosin.values[index] = max(0, amount * eosin)
                canvas.hematoxylin.values[index] = max(0, amount * hematoxylin)
            }
        }
    }
}

/// The borders between the cells of an epithelium, where two nuclei are equally near.
struct CellBorders {
    private var nearest: [Float]
    private var second: [Float]

    init(_ rect: PixelRegion, nuclei: [Nucleus]) {
        let far: Float = 1000
        var nearest = [Float](repeating: far, count: rect.width * rect.height)
        var second = nearest
        for nucleus in nuclei {
            let blob = nucleus.blob
            let (rows, columns) = rect.overlap(x: blob.x, y: blob.y, radius: 3.2 * blob.radius)
            for row in rows {
                let dy = Float(row + rect.y) - blob.y
                for column in columns {
                    let dx = Float(column + rect.x) - blob.x
                    let distance = (dx * dx + dy * dy).squareRoot() - blob.radius
                    let index = row * rect.width + column
                    if distance < nearest[index] {
                        second[index] = nearest[index]
                        nearest[index] = distance
                    } else if distance < second[index] {
                        second[index] = distance
                    }
                }
            }
        }
        self.nearest = nearest
        self.second = second
    }

    /// The paleness of a pixel: up to 0.6 of `strength` on a border, 0.5 far from any nucleus, 0 inside a cell.
    @inline(__always)
    func paleness(_ index: Int, line strength: Float) -> Float {
        let line = 0.6 * strength * (1 - smoothStep(0.6, 2.6, second[index] - nearest[index]))
        return max(line, 0.5 * smoothStep(9, 26, nearest[index]))
    }
}

/// The thin walls between the round empty cells of fat: the edges of a cellular texture.
///
/// Source: Worley, "A cellular texture basis function", SIGGRAPH 1996.
struct FatWalls {
    private let seed: UInt32
    private let cellSize: Float
    private let bend: GradientNoise

    init(seed: UInt64, cellSize: Float) {
        self.seed = UInt32(truncatingIfNeeded: seed)
        self.cellSize = cellSize
        bend = GradientNoise(seed: seed, purpose: 1)
    }

    /// The coverage by walls: 1 in a wall, 0 in a cell.
    func cover(_ imageX: Float, _ imageY: Float) -> Float {
        // The bent coordinates turn straight walls into arcs.
        let x = imageX + 16 * bend.value(imageX / 70, imageY / 70)
        let y = imageY + 16 * bend.value(imageX / 70 + 50, imageY / 70)
        let column = Int32((x / cellSize).rounded(.down))
        let row = Int32((y / cellSize).rounded(.down))
        var nearest: Float = 1e9
        var second: Float = 1e9
        for dy: Int32 in -1...1 {
            for dx: Int32 in -1...1 {
                let bits = latticeBits(seed, column + dx, row + dy)
                let px = (Float(column + dx) + 0.15 + 0.7 * Float(bits & 0xFFFF) / 65536) * cellSize - x
                let py = (Float(row + dy) + 0.15 + 0.7 * Float(bits >> 16) / 65536) * cellSize - y
                let distance = (px * px + py * py).squareRoot()
                second = min(second, max(nearest, distance))
                nearest = min(nearest, distance)
            }
        }
        // Walls are thicker where three cells meet, where `nearest` is largest.
        let half = 0.8 + 7 * smoothStep(0.42, 0.85, nearest / cellSize)
        let strength = 0.6 + 0.4 * smoothStep(-0.4, 0.3, bend.value(imageX / 40, imageY / 40 + 50))
        return strength * (1 - smoothStep(half, half + 2.2, second - nearest))
    }
}
