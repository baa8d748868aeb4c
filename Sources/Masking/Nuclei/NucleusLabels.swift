import Foundations
import Imaging

/// The probabilities and colors of a rectangle of an image, in rows without padding.
package struct NucleusField {
    /// In pixels at the resolution of the model. Parts beyond the image are ignored.
    package let region: PixelRegion
    /// Probabilities of the interior of nuclei, and of nuclei with their boundaries.
    package let interior: UnsafeBufferPointer<Float>
    package let nucleus: UnsafeBufferPointer<Float>
    /// Deviation of the probability of a nucleus between the models of an ensemble; nil for one model.
    package let deviation: UnsafeBufferPointer<Float>?
    /// 8-bit RGB.
    package let pixels: UnsafeRawBufferPointer

    package init(
        _ region: PixelRegion, interior: UnsafeBufferPointer<Float>, nucleus: UnsafeBufferPointer<Float>,
        deviation: UnsafeBufferPointer<Float>? = nil, pixels: UnsafeRawBufferPointer
    ) {
        let count = region.width * region.height
        precondition(interior.count >= count && nucleus.count >= count && pixels.count >= 3 * count)
        precondition(deviation.map { $0.count >= count } ?? true)
        (self.region, self.interior, self.nucleus) = (region, interior, nucleus)
        (self.deviation, self.pixels) = (deviation, pixels)
    }
}

/// Labels of the pixels of a block: 0 for background, else the number of an object.
///
/// Seeds are components of the foreground above a level of the probability of interior, the highest level first. A
/// component is a seed unless it contains one of a higher level: an object is split where its parts are apart at some
/// level, and otherwise it stays whole. A component below all levels is background. Seeds grow over the foreground in
/// the order of the probability of interior (a watershed by flooding: Vincent and Soille, IEEE PAMI 13, 1991), so that
/// touching objects meet where it is lowest. What happens to a pixel depends on pixels near it only, and equal pixels
/// have equal results in any block.
final class NucleusLabels {
    /// Steps of the probability of interior.
    private static let levels = 64
    /// Marks a pixel of a seed.
    private static let mark: UInt8 = 0x80

    /// Size of the block. The arrays have a frame of one pixel of background around it.
    private(set) var width = 0
    private(set) var height = 0
    var stride: Int { width + 2 }
    /// Number of the largest label.
    private(set) var count = 0
    /// Labels in the order of pixels, and the level of foreground pixels with a mark, 0 for background.
    private(set) var labels = UnsafeMutableBufferPointer<Int32>.allocate(capacity: 0)
    private(set) var states = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 0)
    /// The next pixel in the queue of its level.
    private var next = UnsafeMutableBufferPointer<Int32>.allocate(capacity: 0)
    /// Steps from the seed.
    private var steps = UnsafeMutableBufferPointer<UInt8>.allocate(capacity: 0)
    /// The first and the last pixel of the queue of each level; -1 for none.
    private let ends = UnsafeMutableBufferPointer<Int32>.allocate(capacity: 2 * levels)
    /// The foreground, as positions in the arrays.
    private var foreground = [Range<Int>]()
    private var runs = [Run]()

    init() { ends.initialize(repeating: -1) }

    /// Foreground of a row above a level, as positions in the arrays.
    private struct Run {
        let pixels: Range<Int>
        /// A run of the same component that is before this one, or this one.
        var parent: Int
        /// Pixels of the component, at its root.
        var area: Int
    }

    deinit {
        deallocate()
        ends.deallocate()
    }

    private func deallocate() {
        labels.deallocate()
        states.deallocate()
        next.deallocate()
        steps.deallocate()
    }

    /// Position of a pixel of the block.
    func position(x: Int, y: Int) -> Int { (y + 1) * stride + x + 1 }

    /// Labels the pixels of a field inside `valid` and outside the excluded parts, which are in pixels of the block. Areas
    /// are in pixels and `reach` in steps.
    func label(
        _ field: NucleusField, valid: PixelRegion, excluding: [PixelRegion], _ settings: NucleusSettings,
        smallestSeed: Int, reach: Int
    ) {
        reserve(width: field.region.width, height: field.region.height)
        for y in valid.y..<valid.bottom { rate(row: y, valid.x..<valid.right, field, settings.foreground) }
        for part in excluding.map(valid.intersection) where !part.isEmpty {
            for y in part.y..<part.bottom {
                let first = position(x: part.x, y: y)
                for pixel in first..<first + part.width { states[pixel] = 0 }
            }
        }
        foreground.removeAll(keepingCapacity: true)
        for y in valid.y..<valid.bottom { findForeground(row: y, valid.x..<valid.right) }
        count = 0
        for level in settings.seedLevels.sorted(by: >) { addSeeds(above: level, smallest: smallestSeed) }
        grow(reach: UInt8(clamping: max(1, reach)))
    }

    /// Labels the components of the foreground with at least a probability of interior that contain no label yet.
    private func addSeeds(above level: Float, smallest: Int) {
        // A local array, whose accesses need no check for exclusivity.
        var runs = [Run]()
        swap(&runs, &self.runs)
        connect(above: Self.state(ofInterior: level), &runs)
        for run in runs.indices where runs[run].pixels.contains(where: { labels[$0] != 0 }) {
            runs[Self.root(run, &runs)].area = .min / 2
        }
        for run in runs.indices where runs[Self.root(run, &runs)].area >= smallest { number(run, &runs) }
        swap(&runs, &self.runs)
    }

    /// Gives the pixels of an object to another one.
    func replace(_ label: Int32, by other: Int32, in object: NucleusObjects.Object) {
        for y in object.top...object.bottom {
            let row = labels.baseAddress! + position(x: 0, y: y)
            for x in object.left...object.right where row[x] == label { row[x] = other }
        }
    }

    private func reserve(width: Int, height: Int) {
        (self.width, self.height) = (width, height)
        let size = (width + 2) * (height + 2)
        precondition(size <= Int(Int32.max))
        if labels.count < size {
            deallocate()
            labels = .allocate(capacity: size)
            states = .allocate(capacity: size)
            next = .allocate(capacity: size)
            steps = .allocate(capacity: size)
        }
        labels.initialize(repeating: 0)
        states.initialize(repeating: 0)
    }

    /// The state of a foreground pixel.
    private static func state(ofInterior probability: Float) -> UInt8 {
        // Adding 2^23 rounds to a whole number, in the lowest bits.
        let level = UInt8(truncatingIfNeeded: (probability * Float(levels - 2) + 8_388_608).bitPattern) & 63
        return min(level, 62) + 1
    }

    /// Sets the states of some pixels of a row.
    private func rate(row y: Int, _ columns: Range<Int>, _ field: NucleusField, _ foreground: Float) {
        let start = y * width + columns.lowerBound
        let interior = field.interior.baseAddress! + start
        let nucleus = field.nucleus.baseAddress! + start
        let states = self.states.baseAddress! + position(x: columns.lowerBound, y: y)
        for x in 0..<columns.count {
            states[x] = nucleus[x] >= foreground ? Self.state(ofInterior: interior[x]) : 0
        }
    }

    private func findForeground(row y: Int, _ columns: Range<Int>) {
        var pixel = position(x: columns.lowerBound, y: y)
        let end = pixel + columns.count
        let states = states.baseAddress!
        let bytes = UnsafeRawPointer(states)
        while pixel < end {
            // Most pixels are background: eight at a time.
            while pixel + 8 <= end, bytes.loadUnaligned(fromByteOffset: pixel, as: UInt64.self) == 0 { pixel += 8 }
            while pixel < end, states[pixel] == 0 { pixel += 1 }
            let start = pixel
            while pixel < end, states[pixel] != 0 { pixel += 1 }
            if start < end { foreground.append(start..<pixel) }
        }
    }

    /// Finds the runs of foreground with at least a state, and joins those that touch by edges. Roots are the first runs of
    /// components.
    private func connect(above least: UInt8, _ runs: inout [Run]) {
        runs.removeAll(keepingCapacity: true)
        let states = states.baseAddress!
        // The runs of a row begin at `first`, those of the row above at `upper`.
        var (row, first, upper) = (-1, 0, 0)
        for pixels in foreground {
            let next = pixels.lowerBound / stride
            if next != row {
                upper = next == row + 1 ? first : runs.count
                (row, first) = (next, runs.count)
            }
            var pixel = pixels.lowerBound
            while pixel < pixels.upperBound {
                while pixel < pixels.upperBound, states[pixel] < least { pixel += 1 }
                let start = pixel
                while pixel < pixels.upperBound, states[pixel] >= least { pixel += 1 }
                if start == pixel { break }
                let run = runs.count
                runs.append(Run(pixels: start..<pixel, parent: run, area: pixel - start))
                while upper < first, runs[upper].pixels.upperBound + stride <= start { upper += 1 }
                var other = upper
                while other < first, runs[other].pixels.lowerBound + stride < pixel {
                    Self.join(run, other, &runs)
                    other += 1
                }
            }
        }
    }

    private static func root(_ run: Int, _ runs: inout [Run]) -> Int {
        var run = run
        while runs[run].parent != run {
            runs[run].parent = runs[runs[run].parent].parent
            run = runs[run].parent
        }
        return run
    }

    private static func join(_ a: Int, _ b: Int, _ runs: inout [Run]) {
        let (a, b) = (root(a, &runs), root(b, &runs))
        if a == b { return }
        runs[max(a, b)].parent = min(a, b)
        runs[min(a, b)].area += runs[max(a, b)].area
    }

    /// Labels the pixels of a run. The component gets a number at its first run.
    private func number(_ run: Int, _ runs: inout [Run]) {
        let root = Self.root(run, &runs)
        if root == run { count += 1 }
        let label = root == run ? Int32(count) : labels[runs[root].pixels.lowerBound]
        labels[runs[run].pixels].update(repeating: label)
    }

    /// Grows all labels over the foreground, the most probable pixels first.
    private func grow(reach: UInt8) {
        let (labels, states) = (labels.baseAddress!, states.baseAddress!)
        let (next, steps) = (next.baseAddress!, steps.baseAddress!)
        let neighbors = (-stride, -1, 1, stride)
        let (heads, tails) = (ends.baseAddress!, ends.baseAddress! + Self.levels)
        ends.update(repeating: -1)
        func push(_ pixel: Int, from source: Int, _ step: UInt8, below highest: Int) {
            guard labels[pixel] == 0 else { return }
            let level = min(Int(states[pixel] & ~Self.mark), highest)
            if level == 0 { return }
            labels[pixel] = labels[source]
            steps[pixel] = step
            next[pixel] = -1
            if tails[level] >= 0 { next[Int(tails[level])] = Int32(pixel) } else { heads[level] = Int32(pixel) }
            tails[level] = Int32(pixel)
        }
        func pushNeighbors(of pixel: Int, _ step: UInt8, below highest: Int) {
            push(pixel + neighbors.0, from: pixel, step, below: highest)
            push(pixel + neighbors.1, from: pixel, step, below: highest)
            push(pixel + neighbors.2, from: pixel, step, below: highest)
            push(pixel + neighbors.3, from: pixel, step, below: highest)
        }
        // The runs are those of the lowest level, and have all seeds. Pixels that are pushed get a label, but no seed does.
        for run in runs {
            for pixel in run.pixels where labels[pixel] != 0 { states[pixel] |= Self.mark }
        }
        for run in runs {
            for pixel in run.pixels where states[pixel] >= Self.mark {
                pushNeighbors(of: pixel, 1, below: Self.levels - 1)
            }
        }
        for level in (1..<Self.levels).reversed() {
            while heads[level] >= 0 {
                let pixel = Int(heads[level])
                heads[level] = next[pixel]
                if heads[level] < 0 { tails[level] = -1 }
                if steps[pixel] < reach { pushNeighbors(of: pixel, steps[pixel] + 1, below: level) }
            }
        }
    }
}
