import Tensors

/// Naive references of the kernels: plain loops in double precision over the layouts of `ckernels.h`.
package enum Naive {
    package static func outputLength(_ length: Int, window: Int, stride: Int, padding: Int = 0) -> Int {
        (length + 2 * padding - window) / stride + 1
    }

    /// Calls `body` for every product of a convolution, with the flat indices in y, x and w.
    @inline(__always)
    private static func forEachTap(
        _ g: Convolution, batch: Int, _ body: (_ y: Int, _ x: Int, _ w: Int) -> Void
    ) {
        let oh = outputLength(g.height, window: g.kernelHeight, stride: g.strideY, padding: g.paddingY)
        let ow = outputLength(g.width, window: g.kernelWidth, stride: g.strideX, padding: g.paddingX)
        for n in 0..<batch {
            for k in 0..<g.filters {
                for i in 0..<oh {
                    for j in 0..<ow {
                        let y = ((n * g.filters + k) * oh + i) * ow + j
                        for c in 0..<g.channels {
                            for r in 0..<g.kernelHeight {
                                let row = i * g.strideY - g.paddingY + r
                                if row < 0 || row >= g.height { continue }
                                for s in 0..<g.kernelWidth {
                                    let column = j * g.strideX - g.paddingX + s
                                    if column < 0 || column >= g.width { continue }
                                    body(
                                        y, ((n * g.channels + c) * g.height + row) * g.width + column,
                                        ((k * g.channels + c) * g.kernelHeight + r) * g.kernelWidth + s)
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    /// y[N][K][OH][OW]; `bias` may be nil.
    package static func convolution<T: BinaryFloatingPoint>(
        _ x: [T], _ w: [T], _ bias: [T]?, _ g: Convolution, batch: Int
    ) -> [T] {
        let oh = outputLength(g.height, window: g.kernelHeight, stride: g.strideY, padding: g.paddingY)
        let ow = outputLength(g.width, window: g.kernelWidth, stride: g.strideX, padding: g.paddingX)
        var y = [T](repeating: 0, count: batch * g.filters * oh * ow)
        if let bias {
            for index in y.indices { y[index] = bias[index / (oh * ow) % g.filters] }
        }
        forEachTap(g, batch: batch) { y[$0] += x[$1] * w[$2] }
        return y
    }

    /// Gradients of sum(y * gy) with respect to x, w and bias.
    package static func convolutionBackward<T: BinaryFloatingPoint>(
        gy: [T], _ x: [T], _ w: [T], _ g: Convolution, batch: Int
    ) -> (gx: [T], gw: [T], gb: [T]) {
        var gx = [T](repeating: 0, count: x.count)
        var gw = [T](repeating: 0, count: w.count)
        var gb = [T](repeating: 0, count: g.filters)
        forEachTap(g, batch: batch) {
            gx[$1] += gy[$0] * w[$2]
            gw[$2] += gy[$0] * x[$1]
        }
        let plane = gy.count / (batch * g.filters)
        for index in gy.indices { gb[index / plane % g.filters] += gy[index] }
        return (gx, gw, gb)
    }

    /// Calls `body` for every window, with the flat index in y and the flat indices in x, row by row, without padding.
    private static func forEachWindow(_ g: Pooling, batch: Int, _ body: (_ y: Int, _ xs: [Int]) -> Void) {
        let oh = outputLength(g.height, window: g.windowHeight, stride: g.strideY, padding: g.paddingY)
        let ow = outputLength(g.width, window: g.windowWidth, stride: g.strideX, padding: g.paddingX)
        var xs = [Int]()
        for plane in 0..<batch * g.channels {
            for i in 0..<oh {
                for j in 0..<ow {
                    xs.removeAll(keepingCapacity: true)
                    for r in 0..<g.windowHeight {
                        for s in 0..<g.windowWidth {
                            let (row, column) = (i * g.strideY + r - g.paddingY, j * g.strideX + s - g.paddingX)
                            guard 0..<g.height ~= row, 0..<g.width ~= column else { continue }
                            xs.append((plane * g.height + row) * g.width + column)
                        }
                    }
                    body((plane * oh + i) * ow + j, xs)
                }
            }
        }
    }

    package static func poolCount(_ g: Pooling, batch: Int) -> Int {
        batch * g.channels
            * outputLength(g.height, window: g.windowHeight, stride: g.strideY, padding: g.paddingY)
            * outputLength(g.width, window: g.windowWidth, stride: g.strideX, padding: g.paddingX)
    }

    package static func averagePool<T: BinaryFloatingPoint>(_ x: [T], _ g: Pooling, batch: Int) -> [T] {
        var y = [T](repeating: 0, count: poolCount(g, batch: batch))
        forEachWindow(g, batch: batch) { index, window in
            for place in window { y[index] += x[place] }
            y[index] /= T(window.count)
        }
        return y
    }

    package static func averagePoolBackward<T: BinaryFloatingPoint>(gy: [T], _ g: Pooling, batch: Int) -> [T] {
        var gx = [T](repeating: 0, count: batch * g.inputShape.count)
        forEachWindow(g, batch: batch) { index, window in
            for place in window { gx[place] += gy[index] / T(window.count) }
        }
        return gx
    }

    /// Index of the first maximum of a window. NaN counts as larger than any number.
    private static func first<T: BinaryFloatingPoint>(largestOf x: [T], _ window: [Int]) -> Int {
        var best = window[0]
        for place in window.dropFirst() where !x[best].isNaN && (x[place] > x[best] || x[place].isNaN) { best = place }
        return best
    }

    package static func maxPool<T: BinaryFloatingPoint>(_ x: [T], _ g: Pooling, batch: Int) -> [T] {
        var y = [T](repeating: 0, count: poolCount(g, batch: batch))
        forEachWindow(g, batch: batch) { y[$0] = x[first(largestOf: x, $1)] }
        return y
    }

    package static func maxPoolBackward<T: BinaryFloatingPoint>(gy: [T], _ x: [T], _ g: Pooling, batch: Int) -> [T] {
        var gx = [T](repeating: 0, count: x.count)
        forEachWindow(g, batch: batch) { gx[first(largestOf: x, $1)] += gy[$0] }
        return gx
    }

    /// y[N][O] from x[N][I] and w[O][I].
    package static func linear<T: BinaryFloatingPoint>(
        _ x: [T], _ w: [T], _ bias: [T]?, batch: Int, inputs: Int, outputs: Int
    ) -> [T] {
        var y = [T](repeating: 0, count: batch * outputs)
        for n in 0..<batch {
            for o in 0..<outputs {
                var sum: T = bias?[o] ?? 0
                for i in 0..<inputs { sum += x[n * inputs + i] * w[o * inputs + i] }
                y[n * outputs + o] = sum
            }
        }
        return y
    }

    package static func linearBackward<T: BinaryFloatingPoint>(
        gy: [T], _ x: [T], _ w: [T], batch: Int, inputs: Int, outputs: Int
    ) -> (gx: [T], gw: [T], gb: [T]) {
        var gx = [T](repeating: 0, count: batch * inputs)
        var gw = [T](repeating: 0, count: outputs * inputs)
        var gb = [T](repeating: 0, count: outputs)
        for n in 0..<batch {
            for o in 0..<outputs {
                let g = gy[n * outputs + o]
                gb[o] += g
                for i in 0..<inputs {
                    gx[n * inputs + i] += g * w[o * inputs + i]
                    gw[o * inputs + i] += g * x[n * inputs + i]
                }
            }
        }
        return (gx, gw, gb)
    }

    package static func relu<T: BinaryFloatingPoint>(_ x: [T]) -> [T] {
        x.map { $0 < 0 ? 0 : $0 }
    }

    package static func reluBackward<T: BinaryFloatingPoint>(gy: [T], y: [T]) -> [T] {
        zip(gy, y).map { $1 > 0 ? $0 : 0 }
    }
}
