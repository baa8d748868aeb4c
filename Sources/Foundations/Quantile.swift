/// The quantile of numbers in ascending order, interpolated linearly between neighbors.
///
/// `share` is in 0...1. Traps without numbers. Source: type 7 of Hyndman and Fan, "Sample Quantiles in Statistical
/// Packages", 1996.
package func quantile(_ share: Double, ofSorted values: [Double]) -> Double {
    let place = min(max(share, 0), 1) * Double(values.count - 1)
    let index = Int(place)
    let next = min(index + 1, values.count - 1)
    return values[index] + (place - Double(index)) * (values[next] - values[index])
}
