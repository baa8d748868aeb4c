import Datasets
import Testing

struct LabelFileTests {
    private func rows(_ text: String) throws -> [LabelFile.Row] {
        try LabelFile(text: text, path: "labels.csv").rows
    }

    private func message(_ text: String) -> String {
        do {
            _ = try rows(text)
            return "no error"
        } catch {
            return "\(error)"
        }
    }

    @Test func bothHeadersAndTheGroupAreRead() throws {
        let expected = [
            LabelFile.Row(filename: "tile_7.png", label: .nuclei, group: "slide A", line: 2),
            LabelFile.Row(filename: "tile_9.png", label: .noNucleus, group: nil, line: 3),
            LabelFile.Row(filename: "tile_8.png", label: nil, group: "slide B", line: 4),
        ]
        #expect(try rows("tile_id,label,group\n7,NUCLEI,slide A\n9,NO_NUCLEUS,\n8,,slide B\n") == expected)
        #expect(
            try rows("filename,label,group\ntile_7.png,NUCLEI,slide A\ntile_9.png,NO_NUCLEUS,\ntile_8.png,,slide B")
                == expected)
        #expect(
            try rows("\u{FEFF}group,other,label,tile_id\r\nslide A,1,NUCLEI,7\r\n,2,NO_NUCLEUS,9\r\nslide B,3,,8\r\n")
                == expected)
        #expect(try rows("tile_id,label\n 7 , NUCLEI \n")[0].filename == "tile_7.png")
        #expect(try rows("tile_id,label,group\n7,NUCLEI,\"a, \"\"b\"\"\"\n")[0].group == "a, \"b\"")
        #expect(try LabelFile(text: "tile_id,label\n1,NUCLEI\n", path: "").hasGroups == false)
        #expect(try LabelFile(text: "tile_id,label,group\n1,NUCLEI,\n", path: "").hasGroups == false)
        #expect(try LabelFile(text: "tile_id,label,group\n1,NUCLEI,\n2,NUCLEI,a\n", path: "").hasGroups)
        #expect(try rows("tile_id,label\n").isEmpty)
    }

    @Test func namesOfColumnsMayBeInAnyCase() throws {
        let row = try rows("Tile_ID,LABEL,Group,MPP,Weight\n7,NUCLEI,a,0.5,2\n")[0]
        #expect(row.group == "a" && row.micronsPerPixel == 0.5 && row.weight == 2 && row.filename == "tile_7.png")
        #expect(message("tile_id,label,Label\n").contains("found the column label twice: tile_id,label,Label"))
        #expect(message("tile_id,filename,label\n").contains("found tile_id,filename,label"))
    }

    @Test func resolutionsAndMasksAreOptional() throws {
        let read = try rows(
            "mask,filename,label,mpp\nm/a.png,a.png,NUCLEI,0.25\n,b.png,,\n./c.png,d.png,,20\nc.png,e.png,,5e-2\n")
        #expect(read.map(\.mask) == ["m/a.png", nil, "c.png", "c.png"])
        #expect(read.map(\.micronsPerPixel) == [0.25, nil, 20, 0.05])
        #expect(try rows("tile_id,label,mask\n7,,7\n")[0].mask == "7")
        #expect(
            message("filename,label,mask\na.png,,\"a\nb\"\n")
                == "labels.csv:2: expected the name of a mask in the folder, or nothing, found a line break")
    }

    @Test func problemsNameTheirLine() {
        #expect(
            message("id,class\n1,NUCLEI\n")
                == "labels.csv: expected a header tile_id,label[,group] or filename,label[,group], found id,class")
        #expect(
            message("")
                == "labels.csv: expected a header tile_id,label[,group] or filename,label[,group], found no header")
        #expect(
            message("tile_id,label\n1,NUCLEUS\n")
                == "labels.csv:2: expected NO_NUCLEUS, NUCLEI or nothing as label, found NUCLEUS")
        #expect(message("tile_id,label\n1,nuclei\n").hasSuffix("found nuclei"))
        #expect(
            message("tile_id,label\n1,NUCLEI\n2,NUCLEI\n1,NO_NUCLEUS\n")
                == "labels.csv:4: expected each tile once, found 1 again (first in line 2)")
        #expect(message("tile_id,label\n1\n") == "labels.csv:2: expected 2 columns, found 1")
        #expect(message("tile_id,label\n1,NUCLEI,x\n") == "labels.csv:2: expected 2 columns, found 3")
        #expect(
            message("filename,label\n../a.png,NUCLEI\n")
                == "labels.csv:2: expected the name of a file in the folder, found ../a.png")
        #expect(
            message("filename,label\n,NUCLEI\n")
                == "labels.csv:2: expected the name of a file in the folder, found nothing")
    }

    @Test func anUnclosedQuoteIsReported() {
        let unclosed = "expected a quoted cell that is closed, found an unclosed quote"
        #expect(message("tile_id,label\n1,\"NUCLEI\n2,NUCLEI\n") == "labels.csv:2: \(unclosed)")
        #expect(message("tile_id,label,group\n1,NUCLEI,a\n2,NUCLEI,\"b\n3,NUCLEI,c\n") == "labels.csv:3: \(unclosed)")
        #expect(message("tile_id,label,note\r\n1,NUCLEI,\"b\r\n3,NUCLEI,c\r\n") == "labels.csv:2: \(unclosed)")
    }

    @Test func quotedCellsMayHaveSeveralLines() throws {
        let text = "\n \n\u{FEFF}"
        #expect(message(text + "tile_id,label\n").hasSuffix("found \u{FEFF}tile_id,label"))
        let rows = try rows(
            "\u{FEFF}\n,,\ntile_id,label,note\n1,NUCLEI,\"a\nb, \"\"c\"\"\"\r\n2,NO_NUCLEUS,\"\r\n\"\n3,,x\n")
        #expect(rows.map(\.line) == [4, 6, 8] && rows.map(\.label) == [.nuclei, .noNucleus, nil])
        #expect(
            message("tile_id,label,group\n1,NUCLEI,\"a\nb\"\n")
                == "labels.csv:2: expected a name, label and group within one line, found a line break")
        #expect(
            message("tile_id,label\n1,\"NUCLEI\"x\n")
                == "labels.csv:2: expected a quoted cell that is closed, found text after a closing quote")
    }

    /// A comma, a quote or a slash with a combining mark is one character, but still a delimiter.
    @Test func delimitersAreBytes() throws {
        let rows = try rows(
            "filename,label,group\na.png,NUCLEI,\u{301}x\n\"b,\u{301}.png\",\"NUCLEI\",\"\"\"\u{301}\"\n")
        #expect(rows.map(\.group) == ["\u{301}x", "\"\u{301}"] && rows[1].filename == "b,\u{301}.png")
    }

    @Test func subfoldersAreAllowedButNothingOutside() throws {
        #expect(try rows("filename,label\nsub/a.png,NUCLEI\n./b.png,\n")[1].filename == "b.png")
        for name in [
            "..", "../a.png", "sub/../../a.png", "sub/..", "/a.png", "/\u{301}a.png", "sub/..\u{0}/a.png", "a\u{0}.png",
            ".", "./",
        ] {
            let text = message("filename,label\n\(name),NUCLEI\n")
            #expect(
                text.hasPrefix("labels.csv:2: expected the name of a file in the folder, found"), "\(name): \(text)")
        }
        // "..\u{301}" is the name of a file, and ".." with a slash and an accent is not.
        #expect(try rows("filename,label\n..\u{301},NUCLEI\n").count == 1)
        #expect(message("filename,label\n../\u{301}a.png,NUCLEI\n").contains("in the folder"))
        #expect(message("tile_id,label\n/\u{301}a,NUCLEI\n").contains("expected the id of a tile"))
        #expect(message("tile_id,label\na/b,NUCLEI\n").contains("expected the id of a tile"))
    }

    @Test func namesAreComparedByTheirBytes() throws {
        #expect(try rows("tile_id,label\n\u{E9},NUCLEI\ne\u{301},NUCLEI\n").count == 2)
        #expect(
            message("filename,label\na.png,NUCLEI\n./a.png,NUCLEI\n").hasPrefix("labels.csv:3: expected each tile once")
        )
    }

    @Test func ambiguousHeadersAreRejected() {
        for header in [
            "tile_id,label,label", "tile_id,filename,label", "tile_id,label,group,group", "tile_id,label,mpp,mpp",
            "tile_id,label,mask,mask",
        ] {
            #expect(message("\(header)\n").hasSuffix(header) && message("\(header)\n").contains(", found "))
        }
        #expect(message("filename,label\n.,NUCLEI\n").hasSuffix("found ."))
    }

    @Test func longListsOfProblemsAreTruncated() {
        let lines = (0..<30).map { "\($0),WHAT" }.joined(separator: "\n")
        let text = message("tile_id,label\n\(lines)\n").split(separator: "\n")
        #expect(text.count == 21)
        #expect(text[19] == "labels.csv:21: expected NO_NUCLEUS, NUCLEI or nothing as label, found WHAT")
        #expect(text[20] == "... and 10 more problems")
    }

    @Test func blankLinesCount() {
        #expect(message("tile_id,label\n\n1,NUCLEI\n\n2,WHAT\n").hasPrefix("labels.csv:5:"))
    }
}
