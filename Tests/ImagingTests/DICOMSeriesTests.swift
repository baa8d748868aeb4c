import Foundations
import Imaging
import TestSupport
import Testing

struct DICOMSeriesTests {
    @Test(arguments: [true, false]) func seriesOfAFile(isExplicit: Bool) {
        // The element inside the sequence, 9.9, is not that of the file.
        for series in ["1.2.840.1", "1.2.840.12"] {
            #expect(DICOMSeries.identifier(in: dicomFile(series: series, isExplicit: isExplicit)) == series)
        }
    }

    /// No beginning of a file makes the search fail, or find another number.
    @Test func shortFiles() {
        let bytes = dicomFile(series: "1.2")
        for count in 0..<bytes.count {
            let found = DICOMSeries.identifier(in: Array(bytes.prefix(count)))
            #expect(found == nil || found == "1.2", "\(count) bytes")
        }
        #expect(DICOMSeries.identifier(in: Array(bytes.dropFirst())) == nil)
    }

    /// Flipped bits may hide the number, but the search ends.
    @Test func damagedFiles() {
        let intact = dicomFile(series: "1.2")
        var lost = 0
        for bit in 0..<8 * intact.count {
            var bytes = intact
            bytes[bit / 8] ^= 1 << UInt8(bit % 8)
            if DICOMSeries.identifier(in: bytes) != "1.2" { lost += 1 }
        }
        #expect((8 * 4..<8 * (intact.count - 128)).contains(lost), "\(lost) bits")
    }

    @Test func filesOfASeries() throws {
        let folder = try TemporaryFolder()
        let first = try folder.file("b.dcm", dicomFile(series: "1.2"))
        let second = try folder.file("a.DCM", dicomFile(series: "1.2"))
        _ = try folder.file("c.dcm", dicomFile(series: "1.3"))
        _ = try folder.file("d.txt", dicomFile(series: "1.2"))
        #expect(DICOMSeries.files(of: first) == [second, first])
        #expect(DICOMSeries.files(of: try folder.file("e.dcm", [1])).isEmpty)
    }
}
