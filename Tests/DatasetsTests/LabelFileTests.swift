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
                == "labels.csv:2: expected the name of a file in the same folder, found ../a.png")
        #expect(
            message("filename,label\n,NUCLEI\n")
                == "labels.csv:2: expected the name of a file in the same folder, found nothing")
    }

    @Test func anUnclosedQuoteIsReported() {
        let unclosed = "expected cells within one line, found an unclosed quote"
        #expect(message("tile_id,label\n1,\"NUCLEI\n2,NUCLEI\n") == "labels.csv:2: \(unclosed)")
        #expect(message("tile_id,label,group\n1,NUCLEI,a\n2,NUCLEI,\"b\n3,NUCLEI,c\n") == "labels.csv:3: \(unclosed)")
        #expect(message("tile_id,label,note\r\n1,NUCLEI,\"b\r\n3,NUCLEI,c\r\n") == "labels.csv:2: \(unclosed)")
    }

    @Test func ambiguousHeadersAreRejected() {
        for header in ["tile_id,label,label", "tile_id,filename,label", "tile_id,label,group,group"] {
            #expect(message("\(header)\n").hasSuffix("found \(header)"))
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
