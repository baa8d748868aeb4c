import Foundations

/// An image in memory: interleaved 8-bit RGB, rows from the top without padding.
package struct RGBImage: Equatable, Sendable {
    /// Pixels.
    package let width: Int
    package let height: Int
    /// `height * width * 3` bytes.
    package var pixels: [UInt8]

    package init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0 && pixels.count == width * height * 3, "pixels do not fill the image")
        self.width = width
        self.height = height
        self.pixels = pixels
    }

    /// The most pixels of an image that is decoded whole: 16,384 x 16,384, or 768 MiB.
    package static let largestPixelCount = 1 << 28

    /// Decodes a whole file; meant for tiles. Safe to call from several threads at once.
    ///
    /// Throws the errors of `openImage` and the readers, and `malformed` for more than `largestPixelCount` pixels.
    package init(decoding path: FilePath) throws(FileError) {
        try self.init(reading: openImage(path))
    }

    /// Reads the remaining rows of `reader`, at least one.
    package init(reading reader: any RowReader) throws(FileError) {
        let (width, height) = (reader.width, reader.height - reader.nextRow)
        guard height <= Self.largestPixelCount / width else {
            throw FileError(
                reader.path, expected: "an image of at most \(Self.largestPixelCount) px to hold in memory",
                found: "\(width) x \(height) px")
        }
        var pixels = [UInt8](repeating: 0, count: width * height * 3)
        try reader.readRows(into: &pixels, count: height)
        self.init(width: width, height: height, pixels: pixels)
    }
}
