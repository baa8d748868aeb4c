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
        #expect(csvLine(["=1+1", "@c,"], isInput: true) == "=1+1,\"@c,\"\n")
    }

    @Test func columnsAlign() {
        var table = TextTable([("name", .left), ("n", .right), ("", .left)])
        #expect(table.isEmpty)
        table.append(["a", "1000", ""])
        table.append(["longer", "1", "x"])
        #expect(table.lines == ["name       n", "a       1000", "longer     1  x"])
    }

    @Test func controlCharactersAreEscaped() {
        #expect("a b\u{E4}\u{5207}".escapingControls == "a b\u{E4}\u{5207}")
        #expect("\u{1B}]0;x\u{7}\n\t\r\u{7F}\u{9B}".escapingControls == "\\u{1B}]0;x\\u{7}\\n\\t\\r\\u{7F}\\u{9B}")
        #expect("a\u{202E}gpj.exe\u{2069}\u{2028}".escapingControls == "a\\u{202E}gpj.exe\\u{2069}\\u{2028}")
        #expect("e\u{301}\r\n".escapingControls == "e\u{301}\\r\\n", "graphemes")
        var table = TextTable([("name", .left), ("n", .right)])
        table.append(["a\nb", "1"])
        table.append(["\u{5207}\u{7247}", "2"])
        #expect(table.lines == ["name  n", "a\\nb  1", "\u{5207}\u{7247}  2"])
    }

    @Test func longTextsLoseTheirMiddle() {
        #expect("abcdefghij".shortened(to: 10) == "abcdefghij" && "abcdefghij".shortened(to: 7) == "ab..hij")
        #expect("abc".shortened(to: 2) == ".." && "abc".shortened(to: 0) == "" && "abc".shortened(to: -1) == "")
    }

    @Test func mistypedNames() {
        #expect(editDistance("mask", "mask") == 0 && editDistance("", "abc") == 3 && editDistance("abc", "") == 3)
        #expect(editDistance("overaly", "overlay") == 1 && editDistance("kitten", "sitting") == 3)
        let names = ["mask", "plan", "overlay"]
        #expect(
            nearestName(to: "masks", among: names) == "mask" && nearestName(to: "Overaly", among: names) == "overlay")
        #expect(nearestName(to: "slides", among: names) == nil && nearestName(to: "data", among: names) == nil)
        #expect(nearestName(to: "slide_1.svs", among: ["slide_2.svs", "sldie_1.svs"]) == "sldie_1.svs")
    }

    @Test func durations() {
        #expect(Duration.milliseconds(1500).seconds == 1.5 && Duration.seconds(-2).seconds == -2)
        let start = ContinuousClock.now
        #expect(start.secondsSince >= 0 && start.advanced(by: .seconds(-3)).secondsSince >= 3)
    }
}
