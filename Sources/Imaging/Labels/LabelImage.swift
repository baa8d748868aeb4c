import Foundations

/// An image of numbered nuclei in memory, rows from the top.
package struct LabelImage: Equatable, Sendable {
    /// Pixels.
    package let width: Int
    package let height: Int
    /// `height * width` labels: 0 is background, n is nucleus n. Numbers may be missing.
    package var labels: [UInt32]

    package init(width: Int, height: Int, labels: [UInt32]) {
        precondition(width > 0 && height > 0 && labels.count == width * height, "labels do not fill the image")
        self.width = width
        self.height = height
        self.labels = labels
    }

    /// Whether the image is a mask, not an image of numbered nuclei: all nonzero pixels have the same value, which is that
    /// of white for 1, 8 or 16 bits (1, 255 or 65,535). True also for background only.
    package var isBinary: Bool {
        guard let value = labels.first(where: { $0 != 0 }) else { return true }
        return [1, 255, 65_535].contains(value) && labels.allSatisfy { $0 == 0 || $0 == value }
    }

    /// Whether the image looks like a mask of 0 and 255 with gray edges, as resizing or compression makes them: more
    /// than half of the labeled pixels are 255, and the others have at least two other values below.
    private var isSmoothedMask: Bool {
        var histogram = [Int](repeating: 0, count: 256)
        for label in labels {
            guard label < 256 else { return false }
            histogram[Int(label)] += 1
        }
        let labeled = histogram[1...].reduce(0, +)
        return histogram[255] * 2 > labeled && histogram[1..<255].count { $0 > 0 } >= 2
    }

    /// The nuclei: the connected components of a mask, else the image as it is.
    package var nuclei: LabelImage { isBinary ? connectedComponents() : self }
}

extension LabelImage {
    /// Reads a PNG or TIFF file.
    ///
    /// Labels are the stored gray values or palette indices: 1 to 16 bits, in TIFF files also 32 bits and signed numbers
    /// that are not negative. Images with colors are accepted where all channels are equal. A pixel without any opacity
    /// has label 0. Of several pages or levels the first is read.
    ///
    /// Throws `unreadable`, and `malformed` for other formats, colors, floating-point numbers, partly transparent
    /// pixels, masks with gray edges, damage, and images that the available memory cannot hold.
    package init(decoding path: FilePath) throws(FileError) {
        let reader = try LabelReader(path)
        let (width, height) = (reader.width, reader.height)
        // The components of a mask need as much again, twice.
        let size = 3 * MemoryLayout<UInt32>.size
        let available = AvailableMemory.bytes() ?? 1 << 33
        guard height <= available / size / width else {
            throw FileError(
                path, expected: "a label image of at most \(available / size) px, which fit in memory",
                found: "\(width) x \(height) px")
        }
        var failure: FileError?
        let labels = [UInt32](unsafeUninitializedCapacity: width * height) { buffer, count in
            do throws(FileError) {
                try reader.decode(into: buffer.baseAddress!, count: height)
                count = width * height
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        self.init(width: width, height: height, labels: labels)
        if isSmoothedMask {
            throw FileError(
                path, expected: "a label image, or a mask of 0 and 255",
                found: "a mask with gray edges, as resizing or JPEG makes them")
        }
    }

    /// Writes a PNG file of 16 bits. Throws `unwritable`, also for labels above 65,535.
    package func write(to path: FilePath) throws(FileError) {
        let largest = labels.max() ?? 0
        guard largest <= UInt16.max else {
            throw FileError(path, .unwritable, "expected labels up to \(UInt16.max) to write, found \(largest)")
        }
        let writer = try PNGWriter(path: path, width: width, height: height, channels: .gray, bits: 16)
        let samples = labels.map { UInt16($0) }
        try writer.write(rows: samples.span.bytes, count: height)
        try writer.finish()
    }
}
