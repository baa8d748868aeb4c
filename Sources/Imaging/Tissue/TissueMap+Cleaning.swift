extension TissueMap {
    /// Removes tissue cells with fewer than two tissue cells among their eight neighbors.
    mutating func removeSpecks() {
        let old = self
        for y in 0..<height {
            for x in 0..<width where isTissue[y * width + x] {
                var neighbors = -1
                for row in max(0, y - 1)...min(height - 1, y + 1) {
                    for column in max(0, x - 1)...min(width - 1, x + 1) where old.isTissue[row * width + column] {
                        neighbors += 1
                    }
                }
                isTissue[y * width + x] = neighbors >= 2
            }
        }
    }

    /// Morphological closing with a square of 2 * radius + 1 cells.
    mutating func closeGaps(radius: Int) {
        spread(true, radius)
        // Outside the grid there is no background, so that tissue at the edge stays.
        spread(false, radius)
    }

    /// Sets all cells within a square of 2 * radius + 1 around a cell of this value to the value.
    private mutating func spread(_ value: Bool, _ radius: Int) {
        for (count, step, lines, lineStep) in [(width, 1, height, width), (height, width, width, 1)] {
            var line = [Bool](repeating: false, count: count)
            for index in 0..<lines {
                var last = Int.min / 2
                for place in 0..<count { line[place] = isTissue[index * lineStep + place * step] == value }
                for place in 0..<count {
                    if line[place] { last = place }
                    if place - last <= radius { isTissue[index * lineStep + place * step] = value }
                }
                last = Int.max / 2
                for place in (0..<count).reversed() {
                    if line[place] { last = place }
                    if last - place <= radius { isTissue[index * lineStep + place * step] = value }
                }
            }
        }
    }

    /// Turns background pieces of at most `largest` cells that tissue encloses into tissue.
    mutating func fillHoles(largest: Int) {
        var isSeen = isTissue
        var stack = [Int](), piece = [Int]()
        for start in isTissue.indices where !isSeen[start] {
            isSeen[start] = true
            stack = [start]
            piece = []
            var touchesEdge = false
            while let cell = stack.popLast() {
                if piece.count <= largest { piece.append(cell) }
                let (x, y) = (cell % width, cell / width)
                touchesEdge = touchesEdge || x == 0 || y == 0 || x == width - 1 || y == height - 1
                for (inside, next) in [
                    (x > 0, cell - 1), (x < width - 1, cell + 1), (y > 0, cell - width), (y < height - 1, cell + width),
                ] where inside && !isSeen[next] {
                    isSeen[next] = true
                    stack.append(next)
                }
            }
            if !touchesEdge && piece.count <= largest { for cell in piece { isTissue[cell] = true } }
        }
    }
}
