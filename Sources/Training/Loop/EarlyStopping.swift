/// When to stop before the last epoch: when the watched loss has not fallen any more for a while. The weights of the
/// best epoch are the ones to keep.
package struct EarlyStopping: Codable, Equatable, Sendable {
    /// Epochs without a fall that are put up with.
    package var patience = 10
    /// How much lower than the lowest a loss has to be to count as a fall.
    package var minimumDelta = 1e-3

    package init() {}

    /// Whether to stop after epochs with these losses.
    package func stops(after losses: [Double]) -> Bool {
        var (lowest, waited) = (Double.infinity, 0)
        for loss in losses {
            if loss < lowest - minimumDelta {
                lowest = loss
                waited = 0
            } else {
                waited += 1
            }
        }
        return waited >= patience
    }
}
