import Foundations

/// Formats numbers with units and about three digits.
package enum Quantity {
    /// "12.3 ms", "845 µs", "2.10 s".
    package static func time(_ seconds: Double) -> String {
        switch seconds {
        case ..<1e-6: scaled(seconds * 1e9, "ns")
        case ..<1e-3: scaled(seconds * 1e6, "µs")
        case ..<1: scaled(seconds * 1e3, "ms")
        default: scaled(seconds, "s")
        }
    }

    /// "12.3 MB", in powers of 1000; "-" for 0.
    package static func memory(_ bytes: Int) -> String {
        switch bytes {
        case 0: "-"
        case ..<1_000_000: scaled(Double(bytes) / 1e3, "kB")
        case ..<1_000_000_000: scaled(Double(bytes) / 1e6, "MB")
        default: scaled(Double(bytes) / 1e9, "GB")
        }
    }

    /// The number in billions, without a unit.
    package static func billions(_ number: Double) -> String { digits(number / 1e9) }

    /// "1.2 %", "50 %".
    package static func percent(_ share: Double) -> String {
        String(share * 100, decimals: share < 0.0995 ? 1 : 0) + " %"
    }

    package static func ratio(_ number: Double) -> String { String(number, decimals: 2) }

    private static func scaled(_ number: Double, _ unit: String) -> String { "\(digits(number)) \(unit)" }

    private static func digits(_ number: Double) -> String {
        String(number, decimals: number < 9.995 ? 2 : number < 99.95 ? 1 : 0)
    }
}
