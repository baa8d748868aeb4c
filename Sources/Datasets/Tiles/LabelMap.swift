import Imaging

/// The nuclei of an image, numbered without gaps.
package struct LabelMap: Equatable {
    /// Pixels.
    package let width: Int
    package let height: Int
    /// 0 for background, or the number of a nucleus from 1 to `count`. Rows from the top without padding.
    package let labels: [UInt32]
    /// The number of nuclei. After resampling, some may have no pixel.
    package let count: Int

    /// Numbers nuclei in the order of their first pixels.
    package init(_ image: LabelImage) {
        var numbers = [UInt32: UInt32]()
        var last: (label: UInt32, number: UInt32) = (0, 0)
        labels = image.labels.map { label in
            if label != last.label {
                let number = label == 0 ? 0 : numbers[label] ?? UInt32(numbers.count + 1)
                if label != 0 { numbers[label] = number }
                last = (label, number)
            }
            return last.number
        }
        (width, height, count) = (image.width, image.height, numbers.count)
    }

    private init(width: Int, height: Int, numbered labels: [UInt32], count: Int) {
        (self.width, self.height, self.labels, self.count) = (width, height, labels, count)
    }

    package subscript(x: Int, y: Int) -> UInt32 { labels[y * width + x] }

    /// Whether another label than the given one is at most `reach` columns and rows away.
    func hasOther(than label: UInt32, within reach: Int, of x: Int, _ y: Int) -> Bool {
        for row in max(0, y - reach)...min(height - 1, y + reach) {
            for place in row * width + max(0, x - reach)...row * width + min(width - 1, x + reach)
            where labels[place] != label {
                return true
            }
        }
        return false
    }

    /// The map at another size. Where it shrinks, a pixel has the label that covers most of it; of labels that cover
    /// equal areas, the one under its center. Where it grows, a pixel has the label under its center.
    package func resampled(width: Int, height: Int) -> LabelMap {
        if width == self.width, height == self.height { return self }
        let columns = ResamplingAxis(source: self.width, target: width)
        let rows = ResamplingAxis(source: self.height, target: height)
        let (xs, ys) = ((0..<width).map(columns.cover), (0..<height).map(rows.cover))
        var result = [UInt32](repeating: 0, count: width * height)
        for y in 0..<height {
            for x in 0..<width {
                result[y * width + x] = most(xs[x], ys[y], center: self[columns.center(x), rows.center(y)])
            }
        }
        return LabelMap(width: width, height: height, numbered: result, count: count)
    }

    /// The label that covers most of a rectangle.
    private func most(_ xs: ResamplingAxis.Weights, _ ys: ResamplingAxis.Weights, center: UInt32) -> UInt32 {
        // Nearly all pixels have one label only.
        let isUniform = ys.pixels.allSatisfy { y in xs.pixels.allSatisfy { x in self[x, y] == center } }
        if isUniform { return center }
        var areas = [UInt32: Int]()
        for (row, y) in ys.pixels.enumerated() {
            for (column, x) in xs.pixels.enumerated() { areas[self[x, y], default: 0] += xs[column] * ys[row] }
        }
        let largest = areas.values.max() ?? 0
        if areas[center] == largest { return center }
        return areas.filter { $0.value == largest }.keys.min() ?? center
    }

    /// The pixels of each nucleus in a part of the map, by number; element 0 is the background.
    package func areas(x: Range<Int>, y: Range<Int>) -> [Int] {
        var areas = [Int](repeating: 0, count: count + 1)
        for row in y {
            for place in row * width + x.lowerBound..<row * width + x.upperBound { areas[Int(labels[place])] += 1 }
        }
        return areas
    }
}
