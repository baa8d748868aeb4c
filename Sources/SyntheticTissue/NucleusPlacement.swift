import Glibc
import Imaging
import Tensors

extension TissueLayout {
    /// The largest distance, in pixels, from the center of a nucleus to a pixel that it changes.
    static let nucleusReach = 48

    /// The nuclei whose centers are in `rect`, in drawing order.
    ///
    /// Candidates are on a jittered grid. Where two of them overlap, the one with the higher priority stays (Matern's
    /// second process). Whether a nucleus exists depends only on its neighborhood, so that neighboring blocks agree.
    func nuclei(in rect: PixelRegion, appearance: SlideAppearance, fibers: Fibers) -> [Nucleus] {
        let candidates = candidates(
            in: rect.grown(by: TissueLayout.nucleusReach), appearance: appearance, fibers: fibers)
        var survivors: [Nucleus] = []
        for (index, nucleus) in candidates.enumerated() {
            let isRemoved = candidates.indices.contains { other in
                other != index && displaces(candidates[other], nucleus)
            }
            let isInside = rect.distance(nucleus.blob.x, nucleus.blob.y) == 0
            if isInside && !isRemoved { survivors.append(nucleus) }
        }
        return survivors + placedNuclei
    }

    /// Whether a nucleus is removed because of another one.
    private func displaces(_ other: Nucleus, _ nucleus: Nucleus) -> Bool {
        guard other.priority > nucleus.priority else { return false }
        let dx = other.blob.x - nucleus.blob.x
        let dy = other.blob.y - nucleus.blob.y
        // Nuclei may overlap a little, as in a section of a few microns.
        let near = 0.88 * (other.blob.radius + nucleus.blob.radius)
        return dx * dx + dy * dy < near * near
    }

    /// The direction perpendicular to the nearest edge of the tissue, in radians. Columnar cells have this direction.
    private func edgeNormal(_ x: Float, _ y: Float) -> Float {
        let step: Float = 6
        return atan2(
            tissueDistance(x, y + step) - tissueDistance(x, y - step),
            tissueDistance(x + step, y) - tissueDistance(x - step, y))
    }

    private func candidates(in rect: PixelRegion, appearance: SlideAppearance, fibers: Fibers) -> [Nucleus] {
        let population = appearance.population
        var nuclei: [Nucleus] = []
        func consider(_ type: Nucleus.CellType, _ place: inout JitteredGrid.Place) {
            let x = place.x
            let y = place.y
            let distance = tissueDistance(x, y)
            var axis: Float?
            if type == .fibroblast { axis = fibers.angle(x, y) }
            if type == .epithelial && distance > 0 && distance < 30 { axis = edgeNormal(x, y) }
            let nucleus = Nucleus(type, x: x, y: y, axis: axis, population: population, random: &place.random)
            if let emptyWindow, emptyWindow.distance(x, y) <= nucleus.blob.reach { return }
            if distance < nucleus.blob.radius + 2 || edgeDistance(fat, x, y) > -8 { return }
            if hasBlood && blood.at(x, y) > -0.04 { return }
            nuclei.append(nucleus)
        }
        let cells = JitteredGrid(seed: SplitMix64.derive(seed, [20]), spacing: population.radius * 2.15, jitter: 0.75)
        for var place in cells.places(in: rect) {
            let density = cellularity(place.x, place.y)
            guard density > 0 else { continue }
            if place.random.chance(smoothStep(0.35, 0.6, density)) {
                if place.random.chance(0.92) { consider(.epithelial, &place) }
            } else if place.random.chance(0.14 * smoothStep(0, 0.3, density)) {
                consider(place.random.chance(0.72) ? .fibroblast : .lymphocyte, &place)
            }
        }
        let immune = JitteredGrid(seed: SplitMix64.derive(seed, [21]), spacing: population.radius * 1.6, jitter: 0.8)
        for var place in immune.places(in: rect) where lymphoid.at(place.x, place.y) > 0 {
            let density = smoothStep(0, 0.35, lymphoid.at(place.x, place.y))
            if place.random.chance(0.85 * density) { consider(.lymphocyte, &place) }
        }
        return nuclei
    }
}

extension TissueLayout {
    /// Adds a nucleus to a tile with less than 1 % of its pixels in nuclei, or without a nucleus entirely inside.
    mutating func ensureNuclei(size: Int, appearance: SlideAppearance) {
        let tile = PixelRegion(x: 0, y: 0, width: size, height: size)
        let fibers = Fibers(layout: self, scale: appearance.scale)
        let present = nuclei(in: tile.grown(by: TissueLayout.nucleusReach), appearance: appearance, fibers: fibers)
        var isNucleus = [Bool](repeating: false, count: size * size)
        for nucleus in present {
            nucleus.blob.forEachPixel(in: tile, margin: 0) { index, _ in isNucleus[index] = true }
        }
        let hasWholeNucleus = present.contains { nucleus in
            let blob = nucleus.blob
            return min(blob.x, blob.y) > blob.reach && max(blob.x, blob.y) < Float(size - 1) - blob.reach
        }
        if hasWholeNucleus && isNucleus.count(where: { $0 }) * 100 >= size * size { return }
        var random = SplitMix64(seed: seed, stream: 62)
        placeNucleus(area: 0.0125 * Float(size * size), size: Float(size), appearance: appearance, &random)
    }
}
