import FoundationEssentials
import Foundations
import Testing

struct JSONTests {
    private func value(_ text: String) throws -> JSONValue { try JSON.decode(JSONValue.self, from: Data(text.utf8)) }

    @Test func valuesOfEveryKind() throws {
        #expect(try value("null") == .null)
        #expect(try value("true") == .bool(true) && value("false") == .bool(false))
        #expect(try value("-12.5e1") == .number(-125) && value("0") == .number(0) && value("1") == .number(1))
        #expect(try value(#""a\u00e9\n""#) == .string("a\u{e9}\n") && value(#""1""#) == .string("1"))
        #expect(try value("[]") == .array([]) && value("{}") == .object([:]))
        let nested = try value(#"{"a": [1, "b", null, {"c": [[2, 3]]}], "d": false}"#)
        #expect(nested["a"]?.array?.count == 4 && nested["d"] == .bool(false) && nested["e"] == nil)
        #expect(nested["a"]?.array?[3]["c"]?.array?[0].array?.map(\.number) == [2, 3])
        #expect(nested["a"]?.array?[1].string == "b" && nested["a"]?.number == nil && nested.string == nil)
    }

    @Test(arguments: ["", "{", "[1 2]", "nothing", "{\"a\" 1}", "[1] 2"]) func badJSON(_ text: String) {
        #expect(throws: DecodingError.self) { try value(text) }
    }

    @Test func filesOfJSON() throws {
        let folder = try TemporaryFolder()
        try folder.file("a.json", "[1, 2]")
        try folder.file("b.json", "[1, 2")
        try folder.file("c.json", "")
        #expect(try JSONValue(contentsOf: folder.file("a.json")) == .array([.number(1), .number(2)]))
        for name in ["b.json", "c.json"] {
            #expect(
                fileError { _ = try JSONValue(contentsOf: folder.file(name), expected: "a list") }
                    == FileError(folder.file(name), expected: "a list", found: "something that is not JSON"))
        }
        #expect(fileError { _ = try JSONValue(contentsOf: folder.file("d.json")) }?.kind == .unreadable)
    }

    @Test func keysAreSortedAndNumbersFinite() throws {
        #expect(try JSON.text(["b": 1, "a": 2, "c/d": 3]) == #"{"a":2,"b":1,"c\/d":3}"#)
        #expect(try JSON.text(["b": 1, "a/": 2], pretty: true) == "{\n  \"a/\" : 2,\n  \"b\" : 1\n}")
        #expect(throws: EncodingError.self) { try JSON.text([Double.nan]) }
    }
}
