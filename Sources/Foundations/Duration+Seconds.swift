extension Duration {
    /// The duration in seconds.
    package var seconds: Double { self / .seconds(1) }
}

extension ContinuousClock.Instant {
    /// Seconds that have passed since this instant.
    package var secondsSince: Double { (ContinuousClock.now - self).seconds }
}
