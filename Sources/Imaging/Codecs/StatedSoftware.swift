import CImageCodecs
import Foundations

/// The program that wrote an image, as the file states it near its beginning: the Software tag of TIFF, the text
/// `Software` of PNG, or the comment of JPEG. Nil where the file states none or cannot be read.
package func statedSoftware(of path: FilePath) -> String? {
    guard let head = try? beginning(of: path) else { return nil }
    if isPNG(head) { return softwareOfPNG(head) }
    if head.starts(with: [0xFF, 0xD8, 0xFF]) { return commentOfJPEG(head) }
    guard isTIFF(head), let header = try? TIFFReader.header(path) else { return nil }
    let text = withUnsafeBytes(of: header.software) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    return text.isEmpty ? nil : text
}

/// Chunks are a length, a type, content and a checksum; texts have a key, a zero and a text.
private func softwareOfPNG(_ head: [UInt8]) -> String? {
    let key = Array("Software\0".utf8)
    var place = 8
    while place + 8 <= head.count {
        let length = head[place..<place + 4].reduce(0) { $0 << 8 | Int($1) }
        let content = head.dropFirst(place + 8).prefix(length)
        if content.count == length, head[place + 4..<place + 8].elementsEqual("tEXt".utf8), content.starts(with: key) {
            return String(decoding: content.dropFirst(key.count), as: UTF8.self)
        }
        place += 12 + length
    }
    return nil
}

/// Segments are a marker and their length, which counts itself.
private func commentOfJPEG(_ head: [UInt8]) -> String? {
    let (comment, startOfScan): (UInt8, UInt8) = (0xFE, 0xDA)
    var place = 2
    while place + 4 <= head.count, head[place] == 0xFF, head[place + 1] != startOfScan {
        let length = Int(head[place + 2]) << 8 | Int(head[place + 3])
        let content = head.dropFirst(place + 4).prefix(max(0, length - 2))
        if head[place + 1] == comment, content.count == length - 2 { return String(decoding: content, as: UTF8.self) }
        place += 2 + length
    }
    return nil
}
