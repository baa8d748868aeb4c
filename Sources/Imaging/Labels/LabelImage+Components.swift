import Foundations

extension LabelImage {
    /// Pixels that belong together.
    package enum Connectivity: Sendable {
        /// Those that share a side.
        case four
        /// Those that share a side or a corner.
        case eight
    }

    /// The connected components of the pixels that are not background, whatever their labels. They are numbered from 1 in
    /// the order of their first pixels, row by row: with `.eight`, as by `label` of scikit-image.
    package func connectedComponents(_ connectivity: Connectivity = .eight) -> LabelImage {
        var sets = UnionFind(count: 1)
        let elements = connectedElements(connectivity, &sets)
        // The root of a set is its smallest element, which comes first. Element 0 is the background.
        var numbers = [UInt32](repeating: 0, count: sets.count)
        var count: UInt32 = 0
        for element in 1..<sets.count {
            let root = sets.root(of: element)
            if root == element { count += 1 }
            numbers[element] = root == element ? count : numbers[root]
        }
        return LabelImage(width: width, height: height, labels: elements.map { numbers[Int($0)] })
    }

    /// An element of `sets` for each pixel: 0 for background, else one of the set of all pixels that are connected.
    private func connectedElements(_ connectivity: Connectivity, _ sets: inout UnionFind) -> [UInt32] {
        var elements = [UInt32](repeating: 0, count: labels.count)
        let reach = connectivity == .eight ? 1 : 0
        for y in 0..<height {
            for x in 0..<width where labels[y * width + x] != 0 {
                let index = y * width + x
                var element = x > 0 ? elements[index - 1] : 0
                if y > 0 {
                    for neighbor in max(0, x - reach)...min(width - 1, x + reach) {
                        let above = elements[index - x - width + neighbor]
                        if above == 0 || above == element { continue }
                        element = element == 0 ? above : UInt32(sets.join(Int(element), Int(above)))
                    }
                }
                elements[index] = element == 0 ? UInt32(sets.append()) : element
            }
        }
        return elements
    }
}
