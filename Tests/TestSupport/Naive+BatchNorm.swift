import Tensors

extension Naive {
    /// Batch normalization in training by its definition, with the gradients of sum(y * gy).
    package struct BatchNorm {
        package private(set) var y: [Double]
        package private(set) var beforeReLU: [Double]
        package private(set) var mean: [Double]
        /// Biased: the mean of squared deviations.
        package private(set) var variance: [Double]
        package private(set) var gx: [Double]
        package private(set) var gweight: [Double]
        package private(set) var gbias: [Double]

        package init(
            _ x: [Double], gy: [Double], weight: [Double], bias: [Double], _ norm: Tensors.BatchNorm, batch: Int
        ) {
            y = x
            beforeReLU = x
            gx = x
            (mean, variance) = (weight, weight)
            (gweight, gbias) = (weight, weight)
            for c in 0..<norm.channels {
                let places = (0..<batch).flatMap { n in
                    (0..<norm.plane).map { (n * norm.channels + c) * norm.plane + $0 }
                }
                let count = Double(places.count)
                mean[c] = places.reduce(0) { $0 + x[$1] } / count
                variance[c] = places.reduce(0) { $0 + (x[$1] - mean[c]) * (x[$1] - mean[c]) } / count
                let deviation = (variance[c] + Double(norm.epsilon)).squareRoot()
                for place in places {
                    beforeReLU[place] = (x[place] - mean[c]) / deviation * weight[c] + bias[c]
                    y[place] = norm.relu ? max(0, beforeReLU[place]) : beforeReLU[place]
                }
                func gradient(_ place: Int) -> Double { norm.relu && beforeReLU[place] <= 0 ? 0 : gy[place] }
                gbias[c] = places.reduce(0) { $0 + gradient($1) }
                gweight[c] = places.reduce(0) { $0 + gradient($1) * (x[$1] - mean[c]) / deviation }
                for place in places {
                    let normalized = (x[place] - mean[c]) / deviation
                    gx[place] =
                        weight[c] / deviation * (gradient(place) - gbias[c] / count - normalized * gweight[c] / count)
                }
            }
        }
    }

    /// Batch normalization by given statistics.
    package static func batchNorm(
        _ x: [Double], weight: [Double], bias: [Double], mean: [Double], variance: [Double], _ norm: Tensors.BatchNorm
    ) -> [Double] {
        x.indices.map { index in
            let c = index / norm.plane % norm.channels
            let y = (x[index] - mean[c]) / (variance[c] + Double(norm.epsilon)).squareRoot() * weight[c] + bias[c]
            return norm.relu ? max(0, y) : y
        }
    }

    /// y[N][2][C]: mean of each plane, then maximum of each plane; without `maximum`, y[N][C] of means.
    package static func globalPool<T: BinaryFloatingPoint>(
        _ x: [T], batch: Int, channels: Int, plane: Int, maximum: Bool
    ) -> [T] {
        (0..<batch).flatMap { n in
            let planes = (0..<channels).map { c in x[((n * channels + c) * plane)...].prefix(plane) }
            return planes.map { $0.reduce(0, +) / T(plane) } + (maximum ? planes.map { $0.max()! } : [])
        }
    }
}
