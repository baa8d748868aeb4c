import Foundations

/// The series of DICOM files: the levels of a slide, its label and its overview are files of one series, in one folder.
/// OpenSlide opens the slide by any of them.
package enum DICOMSeries {
    package static let fileExtensions: Set<String> = ["dcm", "dicom"]

    /// Leading bytes of a file that are searched. The number of the series precedes everything large.
    private static let headerLength = 1 << 17

    /// The Series Instance UID of a DICOM file; nil for other files, and where there is none.
    package static func identifier(of path: FilePath) -> String? {
        guard let file = try? openForReading(path) else { return nil }
        defer { try? file.close() }
        guard let size = try? file.stat().size, size > 132 else { return nil }
        var bytes = [UInt8](repeating: 0, count: min(Int(size), headerLength))
        guard let count = try? bytes.withUnsafeMutableBytes({ try file.read(fromAbsoluteOffset: 0, into: $0) }) else {
            return nil
        }
        return identifier(in: Array(bytes.prefix(count)))
    }

    /// The files in the folder of a DICOM file that belong to its series, sorted; none for other files.
    package static func files(of path: FilePath) -> [FilePath] {
        guard let series = identifier(of: path) else { return [] }
        return Folder.names(in: path.folder).sorted().map { path.sibling($0) }
            .filter { fileExtensions.contains($0.lowercasedExtension) && identifier(of: $0) == series }
    }

    /// The Series Instance UID in the first bytes of a DICOM file.
    package static func identifier(in bytes: [UInt8]) -> String? {
        guard bytes.dropFirst(128).starts(with: Array("DICM".utf8)) else { return nil }
        // The elements of group 2 are always explicit; they name the syntax of the others.
        var meta = DICOMElements(bytes, at: 132, isExplicit: true)
        guard let syntax = meta.value(of: 0x0002_0010) else { return nil }
        let (implicit, bigEndian, deflated) = ("1.2.840.10008.1.2", "1.2.840.10008.1.2.2", "1.2.840.10008.1.2.1.99")
        if syntax == bigEndian || syntax == deflated { return nil }
        var elements = DICOMElements(bytes, at: meta.endOfMeta(), isExplicit: syntax != implicit)
        return elements.value(of: 0x0020_000E)
    }
}

/// The elements of a little-endian DICOM data set, which are sorted by their tags.
private struct DICOMElements {
    private static let undefinedLength = 0xFFFF_FFFF
    private static let (endOfItem, endOfSequence) = (0xFFFE_E00D, 0xFFFE_E0DD)
    private static let deepestNesting = 16
    /// Types of values that have lengths of four bytes.
    private static let longTypes: Set<String> = [
        "OB", "OD", "OF", "OL", "OV", "OW", "SQ", "SV", "UC", "UN", "UR", "UT", "UV",
    ]

    private let bytes: [UInt8]
    private var place: Int
    /// Whether elements state the types of their values.
    private let isExplicit: Bool

    init(_ bytes: [UInt8], at place: Int, isExplicit: Bool) {
        (self.bytes, self.place, self.isExplicit) = (bytes, place, isExplicit)
    }

    /// The text of an element at or after the current one, without padding; nil where there is none.
    mutating func value(of wanted: Int) -> String? {
        while let element = header(), element.tag <= wanted {
            if element.tag == wanted {
                guard element.length <= bytes.count - place else { return nil }
                let text = String(decoding: bytes[place..<place + element.length], as: UTF8.self)
                place += element.length
                return text.trimmingSuffix { $0 == "\0" || $0 == " " }
            }
            guard skip(element.length, depth: 0) else { return nil }
        }
        return nil
    }

    /// The place of the first element that is not in group 2.
    mutating func endOfMeta() -> Int {
        while true {
            let start = place
            guard let element = header(), element.tag >> 16 == 2, skip(element.length, depth: 0) else { return start }
        }
    }

    /// Passes the tag and the length of the current element.
    private mutating func header() -> (tag: Int, length: Int)? {
        guard let group = number(2), let element = number(2) else { return nil }
        let tag = group << 16 | element
        // Items have no types.
        guard isExplicit, group != 0xFFFE else { return number(4).map { (tag, $0) } }
        guard let first = number(1), let second = number(1) else { return nil }
        let type = String(decoding: [UInt8(first), UInt8(second)], as: UTF8.self)
        if Self.longTypes.contains(type) { return number(2).flatMap { _ in number(4) }.map { (tag, $0) } }
        return number(2).map { (tag, $0) }
    }

    /// Passes a value; false at the end of the bytes.
    private mutating func skip(_ length: Int, depth: Int) -> Bool {
        if length != Self.undefinedLength {
            guard length <= bytes.count - place else { return false }
            place += length
            return true
        }
        guard depth < Self.deepestNesting else { return false }
        // A sequence of items, or an item of elements.
        while let element = header() {
            if element.tag == Self.endOfSequence || element.tag == Self.endOfItem { return true }
            guard skip(element.length, depth: depth + 1) else { return false }
        }
        return false
    }

    private mutating func number(_ count: Int) -> Int? {
        guard count <= bytes.count - place else { return nil }
        defer { place += count }
        return (0..<count).reversed().reduce(0) { $0 << 8 | Int(bytes[place + $1]) }
    }
}

extension String {
    fileprivate func trimmingSuffix(while isPadding: (Character) -> Bool) -> String {
        guard let last = lastIndex(where: { !isPadding($0) }) else { return "" }
        return String(self[...last])
    }
}
