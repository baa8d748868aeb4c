import Foundations

/// An image whose rectangles are decoded on request.
///
/// A reader belongs to one thread at a time.
package protocol BlockReader: AnyObject {
    var path: FilePath { get }
    /// Constant while the reader lives.
    var geometry: ImageGeometry { get }
    /// Pixels decoded so far, at any resolution. Safe to read from any thread.
    var decodedPixels: Int { get }
    /// Decodes a rectangle with up to `threads` threads; images stored in rows use one. Throws where nothing can be
    /// decoded; the block marks parts of a slide that cannot be decoded.
    func read(_ region: PixelRegion, into block: PixelBlock, threads: Int) throws(FileError)
}

/// Size of an image and constraints on reading it in blocks.
package struct ImageGeometry: Sendable {
    /// Pixels at the resolution of the blocks.
    package let width: Int
    package let height: Int
    /// Pixels at full resolution.
    package let imageWidth: Int
    package let imageHeight: Int
    /// Nil for images other than slides.
    package let slide: SlideMetadata?
    /// Whether no rectangle may begin above the one before it.
    package let isSequential: Bool
    /// Rows that a block may have within the memory a reader is meant to use.
    package let largestBlockHeight: Int
    /// Decoded pixels per pixel of a block, along each axis: 1 unless the image is resampled.
    package let pixelsRead: Double

    /// An image is at full resolution where its full size is not given.
    package init(
        width: Int, height: Int, imageWidth: Int? = nil, imageHeight: Int? = nil, slide: SlideMetadata? = nil,
        isSequential: Bool = false, largestBlockHeight: Int = .max, pixelsRead: Double = 1
    ) {
        precondition(width >= 1 && height >= 1, "an image of \(width) x \(height) px")
        self.width = width
        self.height = height
        self.imageWidth = imageWidth ?? width
        self.imageHeight = imageHeight ?? height
        self.slide = slide
        self.isSequential = isSequential
        self.largestBlockHeight = largestBlockHeight
        self.pixelsRead = pixelsRead
    }

    /// Decoded pixels of a row of the whole width, and of the whole image.
    package var decodedWidth: Int { Int((Double(width) * pixelsRead).rounded()) }
    package var decodedArea: Int { decodedWidth * Int((Double(height) * pixelsRead).rounded()) }
}

extension BlockReader {
    package var width: Int { geometry.width }
    package var height: Int { geometry.height }
    package var imageWidth: Int { geometry.imageWidth }
    package var imageHeight: Int { geometry.imageHeight }
    package var slide: SlideMetadata? { geometry.slide }
    package var isSequential: Bool { geometry.isSequential }
    package var largestBlockHeight: Int { geometry.largestBlockHeight }
    package var pixelsRead: Double { geometry.pixelsRead }

    /// Decodes a rectangle on the calling thread alone.
    package func read(_ region: PixelRegion, into block: PixelBlock) throws(FileError) {
        try read(region, into: block, threads: 1)
    }
}

/// Opens an image for reading in rectangles. Throws the errors of `openImage`.
package func openBlocks(_ path: FilePath) throws(FileError) -> any BlockReader {
    let image = try openImage(path)
    if let slide = image as? SlideReader { return try SlideBlockReader(slide.slide) }
    return RowBlockReader(image)
}
