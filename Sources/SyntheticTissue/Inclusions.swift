import Glibc
import Tensors

extension TissueLayout {
    /// The largest distance, in pixels, from the center of a vacuole, red cell or speck to a pixel that it changes.
    static let inclusionReach = 64

    /// Paints empty round holes with a thin rim, like those of small fat droplets and vessels.
    func paintVacuoles(on canvas: inout Canvas, nuclei: [Nucleus], appearance: SlideAppearance) {
        guard vacuoleShare > 0 else { return }
        let squares = JitteredGrid(seed: SplitMix64.derive(seed, [50]), spacing: 40 * appearance.scale, jitter: 0.9)
        for var place in squares.places(in: canvas.rect.grown(by: TissueLayout.inclusionReach)) {
            guard place.random.chance(vacuoleShare) else { continue }
            let radius = (5 + 21 * place.random.unit() * place.random.unit()) * appearance.scale
            let ratio = place.random.between(0.8, 1)
            var hole = Blob(
                x: place.x, y: place.y, longHalf: radius, shortHalf: radius * ratio,
                angle: place.random.between(0, .pi))
            hole.deform(0.04, &place.random)
            let touchesNucleus = nuclei.contains { nucleus in
                let dx = nucleus.blob.x - hole.x
                let dy = nucleus.blob.y - hole.y
                let near = radius + 0.6 * nucleus.blob.radius
                return dx * dx + dy * dy < near * near
            }
            if touchesNucleus { continue }
            canvas.paint(hole, margin: 4) { canvas, index, depth in
                let left = 1 - 0.96 * smoothStep(-1.3, 1.3, depth)
                let rim = 1 + 0.3 * exp(-(depth + 2) * (depth + 2) / 2)
                canvas.eosin.values[index] *= left * rim
                canvas.hematoxylin.values[index] *= left * rim
            }
        }
    }

    /// Paints red blood cells: disks of eosin about as large as a nucleus, some with a pale center.
    func paintRedCells(on canvas: inout Canvas, nuclei: [Nucleus], appearance: SlideAppearance) {
        guard hasBlood else { return }
        let squares = JitteredGrid(seed: SplitMix64.derive(seed, [51]), spacing: 15.5 * appearance.scale, jitter: 0.7)
        for var place in squares.places(in: canvas.rect.grown(by: TissueLayout.inclusionReach)) {
            guard place.random.chance(0.85 * smoothStep(0.06, 0.2, blood.at(place.x, place.y))) else { continue }
            if edgeDistance(tissue, place.x, place.y) < 12 || edgeDistance(fat, place.x, place.y) > -12 { continue }
            let radius = place.random.between(6.2, 8.2) * appearance.scale
            var cell = Blob(
                x: place.x, y: place.y, longHalf: radius, shortHalf: radius * place.random.between(0.8, 1),
                angle: place.random.between(0, .pi))
            cell.deform(0.05, &place.random)
            let touchesNucleus = nuclei.contains { nucleus in
                let dx = nucleus.blob.x - cell.x
                let dy = nucleus.blob.y - cell.y
                let near = radius + nucleus.blob.longHalf
                return dx * dx + dy * dy < near * near
            }
            if touchesNucleus { continue }
            let amount = place.random.between(0.75, 1.1)
            let hollow = place.random.between(0, 0.4)
            canvas.paint(cell, margin: 3.5) { canvas, index, depth in
                let around = smoothStep(-3.5, -1, depth)
                let cover = smoothStep(-0.9, 0.9, depth)
                let body = amount * (1 - hollow * smoothStep(0.25, 0.9, depth / radius))
                canvas.eosin.values[index] = mix(canvas.eosin.values[index] * (1 - 0.3 * around), body, cover)
                canvas.hematoxylin.values[index] = mix(
                    canvas.hematoxylin.values[index] * (1 - 0.3 * around), 0.04, cover)
            }
        }
    }

    /// Paints dust and grains of pigment: small, brown or black, on tissue and on glass.
    func paintSpecks(on canvas: inout Canvas) {
        let squares = JitteredGrid(seed: SplitMix64.derive(seed, [52]), spacing: 128, jitter: 1)
        for var place in squares.places(in: canvas.rect.grown(by: TissueLayout.inclusionReach)) {
            guard place.random.chance(speckShare) else { continue }
            for _ in 0..<(1 + Int(place.random.unit() * 4)) {
                let radius = 0.7 + 2 * place.random.unit() * place.random.unit()
                var speck = Blob(
                    x: place.x + 9 * place.random.approximateNormal(),
                    y: place.y + 9 * place.random.approximateNormal(),
                    longHalf: radius * place.random.between(1, 2.4), shortHalf: radius,
                    angle: place.random.between(0, .pi))
                speck.deform(0.12, &place.random)
                let amount = place.random.between(0.8, 2.6)
                canvas.paint(speck, margin: 1) { canvas, index, depth in
                    canvas.pigment.values[index] += amount * smoothStep(-0.9, 0.9, depth)
                }
            }
        }
    }
}
