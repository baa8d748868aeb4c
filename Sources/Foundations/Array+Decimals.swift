extension [UInt8] {
    /// Appends a number with a fixed count of decimals, rounded to nearest, ties away from zero. Faster than C's `printf`,
    /// for tables with millions of numbers. Values beyond 10^12 in magnitude, infinities and NaN become "nan".
    package mutating func append(_ value: Double, decimals: Int) {
        precondition(0...6 ~= decimals)
        guard value.magnitude <= 1e12 else {
            self += "nan".utf8
            return
        }
        var unit = 1
        for _ in 0..<decimals { unit *= 10 }
        let scaled = Int((value.magnitude * Double(unit)).rounded())
        if value < 0, scaled > 0 { append(UInt8(ascii: "-")) }
        self += String(scaled / unit).utf8
        if decimals == 0 { return }
        append(UInt8(ascii: "."))
        var (rest, place) = (scaled % unit, unit / 10)
        while place > 0 {
            append(UInt8(ascii: "0") + UInt8(rest / place))
            rest %= place
            place /= 10
        }
    }
}
