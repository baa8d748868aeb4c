import Foundations
import Testing

struct TextTests {
    @Test func decimals() {
        #expect(String(0.5, decimals: 0) == "0" && String(1.5, decimals: 0) == "2", "half to even")
        #expect(String(0.125, decimals: 2) == "0.12" && String(0.375, decimals: 2) == "0.38")
        #expect(String(-0.04, decimals: 1) == "-0.0" && String(99.95, decimals: 1) == "100.0")
        #expect(String(2.0 / 3, decimals: 20) == "0.66666666666666662966")
        #expect(String(.infinity, decimals: 3) == "inf" && String(-.infinity, decimals: 3) == "-inf")
        #expect(String(1e300, decimals: 1).utf8.count == 303)
    }

    @Test func significantDigits() {
        #expect(String(1_234_567, significantDigits: 3) == "1.23e+06")
        #expect(String(0.000_123_45, significantDigits: 3) == "0.000123")
        #expect(String(0.1, significantDigits: 17) == "0.10000000000000001")
    }

    @Test func wholeNumbersArePaddedWithZeros() {
        #expect(String(7, digits: 2) == "07" && String(123, digits: 2) == "123" && String(0, digits: 1) == "0")
        #expect(String(-5, digits: 3) == "-05" && String(Int.max, digits: 20) == "09223372036854775807")
    }

    @Test func cellsAreQuotedWhereNeeded() {
        #expect(csvLine(["a", "", "b c"]) == "a,,b c\n")
        #expect(csvLine(["a,b", "c\"d", "e\nf", "g\r\nh"]) == "\"a,b\",\"c\"\"d\",\"e\nf\",\"g\r\nh\"\n")
        // A delimiter with a combining mark is one character.
        #expect(csvLine(["a,\u{301}", "\"\u{301}"]) == "\"a,\u{301}\",\"\"\"\u{301}\"\n")
        #expect(csvLine(["=1+1", "+a", "-b", "@c", "\td", "\re"]) == "'=1+1,'+a,'-b,'@c,'\td,\"'\re\"\n")
        #expect(csvLine(["-1.5e-3", "+2", "-inf", "a=b", "=\u{338}"]) == "-1.5e-3,+2,-inf,a=b,'=\u{338}\n")
    }

    @Test func columnsAlign() {
        var table = TextTable([("name", .left), ("n", .right), ("", .left)])
        #expect(table.isEmpty)
        table.append(["a", "1000", ""])
        table.append(["longer", "1", "x"])
        #expect(table.lines == ["name       n", "a       1000", "longer     1  x"])
    }

    @Test func durations() {
        #expect(Duration.milliseconds(1500).seconds == 1.5 && Duration.seconds(-2).seconds == -2)
        let start = ContinuousClock.now
        #expect(start.secondsSince >= 0 && start.advanced(by: .seconds(-3)).secondsSince >= 3)
    }
}
