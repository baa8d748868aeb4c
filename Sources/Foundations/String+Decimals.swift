import Glibc

extension String {
    /// A number with a fixed count of decimals, as C's `%.*f` prints it.
    package init(_ value: Double, decimals: Int) {
        self.init(printf: "%.*f", [Int32(decimals), value])
    }

    /// A number with a fixed count of significant digits, as C's `%.*g` prints it.
    package init(_ value: Double, significantDigits: Int) {
        self.init(printf: "%.*g", [Int32(significantDigits), value])
    }

    /// A whole number, padded with zeros at the left.
    package init(_ value: Int, digits: Int) {
        self.init(printf: "%0*ld", [Int32(digits), value])
    }

    private init(printf format: String, _ arguments: [any CVarArg]) {
        let count = Int(withVaList(arguments) { vsnprintf(nil, 0, format, $0) })
        self.init(unsafeUninitializedCapacity: count + 1) { bytes in
            bytes.withMemoryRebound(to: CChar.self) { text in
                _ = withVaList(arguments) { vsnprintf(text.baseAddress, count + 1, format, $0) }
            }
            return count
        }
    }
}
