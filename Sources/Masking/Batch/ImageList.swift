import Foundations

/// A file that names images: one path per line, or CSV with the header `image` or `image,mpp`, or a plan of masking.
///
/// Relative paths begin in the working directory, as those of arguments do. Blank lines, and lines that begin with `#`, are
/// ignored. Blanks around a path belong to it only where there is such a file.
package struct ImageList: Sendable {
    package let path: FilePath
    /// In the order of the lines.
    package private(set) var images = [FilePath]()
    /// Microns per pixel of images by their places, where the list states them.
    private var micronsPerPixel = [FilePath: Double]()

    /// Columns of a plan, `nuclei-mask plan --table`.
    package static let planColumns = [
        "image", "mpp", "windows", "seconds", "memory_mb", "threads", "disk_mb", "problem",
    ]

    /// Bytes of the largest list.
    private static let largestSize = 1 << 26

    /// Reads a file or a pipe. Throws `unreadable`, and `malformed`, which names the first line that is not valid and the
    /// numbers of others.
    package init(_ path: FilePath) throws(FileError) {
        self.path = path
        let lines = try Self.lines(Self.content(of: path), path)
        var problems = [(line: Int, expected: String, found: String)]()
        for line in lines {
            do throws(Problem) {
                try append(line)
            } catch {
                problems.append((line.number, error.expected, error.found))
            }
        }
        if let first = problems.first {
            let others = problems.dropFirst().prefix(5).map { "\($0.line)" }.joined(separator: ", ")
            let more = problems.count > 6 ? " ..." : ""
            throw FileError(
                "\(path):\(first.line)", expected: first.expected,
                found: first.found + (others.isEmpty ? "" : "; see also line \(others)\(more)"))
        }
        if images.isEmpty { throw FileError(path, expected: "paths of images, one per line", found: "none") }
    }

    /// Microns per pixel that the list states for an image; nil where it states none.
    package func micronsPerPixel(of image: FilePath) -> Double? { micronsPerPixel[image.place] }

    private struct Problem: Error {
        let expected: String
        let found: String
    }

    private struct Line {
        let number: Int
        let image: String
        let micronsPerPixel: String
    }

    private mutating func append(_ line: Line) throws(Problem) {
        guard !line.image.isEmpty else { throw Problem(expected: "the path of an image", found: "none") }
        guard !line.image.contains("\u{FFFD}") else {
            throw Problem(expected: "a path in UTF-8", found: "other bytes; rename the file")
        }
        let image = FilePath(line.image)
        if image.isFolder { throw Problem(expected: "an image", found: "the folder \(image)") }
        if !line.micronsPerPixel.isEmpty {
            let range = plausibleMicronsPerPixel
            guard let value = Double(line.micronsPerPixel), range ~= value else {
                throw Problem(
                    expected: "\(range.lowerBound) to \(Int(range.upperBound)) microns per pixel",
                    found: line.micronsPerPixel)
            }
            if let other = micronsPerPixel.updateValue(value, forKey: image.place), other != value {
                throw Problem(expected: "one resolution of \(image)", found: "\(other) and \(value) microns per pixel")
            }
        }
        images.append(image)
    }

    /// The lines that are not blank and no comments.
    private static func lines(_ text: String, _ path: FilePath) throws(FileError) -> [Line] {
        let table = CSVTable(text)
        let isUsed = { (text: String) in !text.isEmpty && !text.hasPrefix("#") }
        let rows = table.rows
            .map { (line: $0.line, cells: [Self.path($0.cells[0])] + $0.cells.dropFirst().map(\.trimmed)) }
            .filter { $0.cells.count > 1 || isUsed($0.cells[0]) }.filter { !$0.cells[0].trimmed.hasPrefix("#") }
        let names = Set(rows.first?.cells.joined(separator: ",").lowercased().split { ",;\t ".contains($0) } ?? [])
        guard let header = rows.first, header.cells[0] == "image" || names == ["image", "mpp"] || names == ["image"]
        else {
            return text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated()
                .map { Line(number: $0.offset + 1, image: Self.path(String($0.element)), micronsPerPixel: "") }
                .filter { isUsed($0.image.trimmed) }
        }
        guard [["image"], ["image", "mpp"], planColumns].contains(header.cells) else {
            throw FileError(
                "\(path):\(header.line)", expected: "the header image or image,mpp",
                found: header.cells.joined(separator: ","))
        }
        if let problem = table.problem {
            throw FileError("\(path):\(problem.line)", expected: "a quoted cell that is closed", found: problem.found)
        }
        if let row = rows.first(where: { $0.cells.count > header.cells.count }) {
            throw FileError(
                "\(path):\(row.line)", expected: "\(header.cells.count) cells, or quotes around a path with a comma",
                found: "\(row.cells.count) cells")
        }
        return rows.dropFirst().map {
            Line(number: $0.line, image: $0.cells[0], micronsPerPixel: $0.cells.count > 1 ? $0.cells[1] : "")
        }
    }

    private static func path(_ text: String) -> String {
        let trimmed = text.trimmed
        return trimmed != text && FilePath(text).exists ? text : trimmed
    }

    /// The text of a file or a pipe, without a byte order mark.
    private static func content(of path: FilePath) throws(FileError) -> String {
        let bytes = try FileError.reading(path) {
            let file = try FileDescriptor.open(path, .readOnly, options: .closeOnExec)
            return try file.closeAfter {
                var (bytes, part) = ([UInt8](), [UInt8]())
                repeat {
                    part = try [UInt8](unsafeUninitializedCapacity: 1 << 20) { buffer, count in
                        count = try file.read(into: UnsafeMutableRawBufferPointer(buffer))
                    }
                    bytes += part
                } while !part.isEmpty && !part.contains(0) && bytes.count <= largestSize
                return bytes
            }
        }
        let expected = "a list of images, one path per line"
        if bytes.contains(0) { throw FileError(path, expected: expected, found: "a file that is not text") }
        guard bytes.count <= largestSize else {
            throw FileError(path, expected: "\(expected), of at most \(ByteCount(largestSize))", found: "more")
        }
        return String(
            decoding: bytes.starts(with: [0xEF, 0xBB, 0xBF]) ? bytes.dropFirst(3) : bytes[...], as: UTF8.self)
    }
}
