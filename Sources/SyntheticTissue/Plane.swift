import Glibc
import Imaging

/// One value for each pixel of a rectangle, row by row.
struct Plane: Sendable {
    let rect: PixelRegion
    var values: [Float]

    init(_ rect: PixelRegion) {
        self.init(rect, values: [Float](repeating: 0, count: rect.width * rect.height))
    }

    init(_ rect: PixelRegion, values: [Float]) {
        precondition(values.count == rect.width * rect.height, "a plane has one value for each pixel")
        self.rect = rect
        self.values = values
    }

    /// The values of a slowly varying function, evaluated every 8 pixels and interpolated linearly.
    ///
    /// The function is evaluated at multiples of 8 image pixels for any rectangle, so that neighboring blocks agree.
    init(_ rect: PixelRegion, slowly function: (_ x: Float, _ y: Float) -> Float) {
        let step = 8
        let firstColumn = floorDivide(rect.x, step)
        let firstRow = floorDivide(rect.y, step)
        let columns = floorDivide(rect.x + rect.width - 1, step) - firstColumn + 2
        let rows = floorDivide(rect.y + rect.height - 1, step) - firstRow + 2
        var grid = [Float](repeating: 0, count: columns * rows)
        for row in 0..<rows {
            for column in 0..<columns {
                grid[row * columns + column] = function(
                    Float((firstColumn + column) * step), Float((firstRow + row) * step))
            }
        }
        var values = [Float]()
        values.reserveCapacity(rect.width * rect.height)
        for row in 0..<rect.height {
            let (gridRow, partY) = (rect.y + row - firstRow * step).quotientAndRemainder(dividingBy: step)
            let top = gridRow * columns
            let down = Float(partY) / Float(step)
            for column in 0..<rect.width {
                let (gridColumn, partX) = (rect.x + column - firstColumn * step).quotientAndRemainder(dividingBy: step)
                let corner = top + gridColumn
                let across = Float(partX) / Float(step)
                let above = mix(grid[corner], grid[corner + 1], across)
                let below = mix(grid[corner + columns], grid[corner + columns + 1], across)
                values.append(mix(above, below, down))
            }
        }
        self.init(rect, values: values)
    }

    /// A part of the plane after a Gaussian blur. `inner` must be at least `blurReach(sigma)` pixels inside the edges.
    func blurred(sigma: Float, to inner: PixelRegion) -> Plane {
        let reach = Plane.blurReach(sigma)
        var taps = (-reach...reach).map { exp(-Float($0 * $0) / (2 * sigma * sigma)) }
        let sum = taps.reduce(0, +)
        taps = taps.map { $0 / sum }
        let left = inner.x - rect.x - reach
        let top = inner.y - rect.y - reach
        precondition(left >= 0 && top >= 0, "blur needs a border of \(reach) pixels")
        let rows = inner.height + 2 * reach
        var across = [Float](repeating: 0, count: rows * inner.width)
        var down = [Float](repeating: 0, count: inner.height * inner.width)
        values.withUnsafeBufferPointer { source in
            for row in 0..<rows {
                for (tap, weight) in taps.enumerated() {
                    let from = (row + top) * rect.width + left + tap
                    let to = row * inner.width
                    for column in 0..<inner.width { across[to + column] += weight * source[from + column] }
                }
            }
        }
        across.withUnsafeBufferPointer { source in
            for row in 0..<inner.height {
                for (tap, weight) in taps.enumerated() {
                    let from = (row + tap) * inner.width
                    let to = row * inner.width
                    for column in 0..<inner.width { down[to + column] += weight * source[from + column] }
                }
            }
        }
        return Plane(inner, values: down)
    }

    /// The reach of a blur on each side, in pixels. `sigma` is the standard deviation in pixels.
    static func blurReach(_ sigma: Float) -> Int {
        Int((sigma * 2.5).rounded(.up))
    }
}

/// The quotient, rounded towards minus infinity.
func floorDivide(_ value: Int, _ divisor: Int) -> Int {
    value >= 0 ? value / divisor : -((divisor - 1 - value) / divisor)
}
