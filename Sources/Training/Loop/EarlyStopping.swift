/// The rule that ends a run when the watched loss no longer improves.
package struct EarlyStopping: Codable, Equatable, Sendable {
    /// Epochs without improvement before stopping.
    package var patience = 10
    /// The smallest decrease of the lowest loss that counts as an improvement.
    package var minimumDelta = 1e-3

    package init() {}

    /// Whether a run with these losses after each epoch stops.
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
