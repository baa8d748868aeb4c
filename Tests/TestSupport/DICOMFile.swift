/// A DICOM file without pixels. Before the number of its series is a sequence with an item, both without lengths.
package func dicomFile(series: String, isExplicit: Bool = true) -> [UInt8] {
    func bytes(_ value: Int, _ count: Int) -> [UInt8] { (0..<count).map { UInt8(value >> (8 * $0) & 0xFF) } }
    func element(_ tag: Int, _ type: String, _ value: [UInt8], isExplicit: Bool, hasLength: Bool = true) -> [UInt8] {
        let padded = value + (value.count.isMultiple(of: 2) ? [] : [0])
        let length = hasLength ? padded.count : 0xFFFF_FFFF
        let isLong = ["SQ", "OB"].contains(type)
        let head = bytes(tag >> 16, 2) + bytes(tag & 0xFFFF, 2)
        guard isExplicit else { return head + bytes(length, 4) + padded }
        return head + Array(type.utf8) + (isLong ? bytes(0, 2) + bytes(length, 4) : bytes(length, 2)) + padded
    }
    func delimiter(_ tag: Int, _ length: Int) -> [UInt8] { bytes(0xFFFE, 2) + bytes(tag, 2) + bytes(length, 4) }
    let syntax = isExplicit ? "1.2.840.10008.1.2.1" : "1.2.840.10008.1.2"
    let meta =
        element(0x0002_0001, "OB", [0, 1], isExplicit: true)
        + element(0x0002_0010, "UI", Array(syntax.utf8), isExplicit: true)
    let item =
        delimiter(0xE000, 0xFFFF_FFFF) + element(0x0020_000E, "UI", Array("9.9".utf8), isExplicit: isExplicit)
        + delimiter(0xE00D, 0)
    let sequence = element(
        0x0008_1140, "SQ", item + delimiter(0xE000, 4) + [1, 2, 3, 4] + delimiter(0xE0DD, 0), isExplicit: isExplicit,
        hasLength: false)
    return [UInt8](repeating: 0, count: 128) + Array("DICM".utf8) + meta
        + element(0x0008_0060, "CS", Array("SM".utf8), isExplicit: isExplicit) + sequence
        + element(0x0020_000D, "UI", Array("1.1".utf8), isExplicit: isExplicit)
        + element(0x0020_000E, "UI", Array(series.utf8), isExplicit: isExplicit)
        + element(0x7FE0_0010, "OB", [5, 6], isExplicit: isExplicit)
}
