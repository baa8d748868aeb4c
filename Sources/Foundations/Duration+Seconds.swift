extension Duration {
    /// The duration in seconds.
    package var seconds: Double { self / .seconds(1) }
}

extension ContinuousClock.Instant {
    /// Seconds from this instant until now.
    package var secondsSince: Double { (ContinuousClock.now - self).seconds }
}
