import Foundations
import Imaging

/// The resolution at which windows are laid over an image.
package enum ResolutionChoice: Equatable, Sendable {
    /// The resolution of the model's training tiles, if the model states it.
    case model
    /// The same, for an image with this many microns per pixel, whatever it states itself.
    case imageMicronsPerPixel(Double)
    /// A level of a slide, without resampling.
    case level(Int)
}

/// An opened image: blocks at the resolution of the model for windows, rows at full resolution for outputs.
package struct SlideImage {
    /// Blocks at the resolution that windows are laid on.
    package let blocks: any BlockReader
    /// Level of the slide that blocks are read from; nil for other images.
    package let level: Int?
    /// A remark about the resolution; nil if there is none.
    package let note: String?
    /// Microns per pixel at full resolution, as the slide or the user states; nil if neither does.
    package let micronsPerPixel: (x: Double, y: Double)?

    package var path: FilePath { blocks.path }
    /// Pixels at full resolution.
    package var width: Int { blocks.imageWidth }
    package var height: Int { blocks.imageHeight }
    /// Nil for other images than slides.
    package var slide: SlideMetadata? { blocks.slide }

    /// How blocks are read: "level 1, resampled".
    package var reading: String {
        let isResampled = blocks is ScaledBlockReader
        guard let level else { return isResampled ? "resampled" : "as it is" }
        return "level \(level)" + (isResampled ? ", resampled" : "")
    }
}

// Reading an image again for outputs.
extension SlideImage {
    /// Rows at full resolution, from the top. Parts of a slide that cannot be decoded are gray.
    package func rows() throws(FileError) -> any RowReader { try openImage(path, damage: .painted) }

    /// Rows of the image in a smaller size, from the top. Parts of a slide that cannot be decoded are gray.
    package func rows(width: Int, height: Int) throws(FileError) -> any RowReader {
        let side = max(width, height)
        let source = side < max(self.width, self.height) ? try Overlay.open(path, side: side) : try rows()
        if source.width == width, source.height == height { return source }
        return DownsamplingReader(source, width: width, height: height)
    }

    /// The processed area of the image; nil where all of it is processed.
    package func tissue(_ source: TissueSource, _ note: (String) -> Void) throws(FileError) -> TissueMap? {
        switch source {
        case .everywhere: return nil
        case .outline(let path, let classes):
            let map = try TissueMap(
                outline: path, classes: classes, imageWidth: width, imageHeight: height, note: note)
            note("tissue on \(String(map.share * 100, decimals: 1)) %, by \(path)")
            return map
        case .automatic:
            guard let slide else { return nil }
            do {
                guard let finding = try TissueMap.detect(path, slide) else {
                    note("the smallest level is too large to find tissue in; everything is processed")
                    return nil
                }
                let share = String(finding.map.share * 100, decimals: 1)
                note("tissue on \(share) % (level \(finding.level), color above \(finding.threshold) of 255)")
                return finding.map
            } catch  where error.kind == .malformed {
                // A damaged overview must not keep the rest of a slide from being processed.
                note("tissue cannot be found, everything is processed: \(error.problem)")
                return nil
            }
        }
    }
}

/// Largest relative difference of two resolutions that count as the same: scanners of one make differ by as much.
private let tolerance = 0.01

extension SlideImage {
    /// Opens an image at the resolution of a model's training tiles. A slide is read at its smallest level that is not
    /// coarser, and resampled from there. If the model states no resolution, images are read as they are.
    ///
    /// Throws what `openImage` throws, and `malformed` if the model states its resolution and the slide does not.
    package static func open(
        _ path: FilePath, at choice: ResolutionChoice, modelMicronsPerPixel wanted: Double?
    ) throws(FileError) -> SlideImage {
        let full = try openBlocks(path)
        let slide = full.slide
        let fullLevel = slide.map { _ in 0 }
        switch (choice, wanted) {
        case (.level(let level), _):
            guard let slide else {
                throw FileError(path, expected: "a slide, as --level asks for", found: "an image without levels")
            }
            let reader = try SlideBlockReader(path, level: level)
            return SlideImage(
                blocks: reader, level: level,
                note: "level \(level), \(reader.width) x \(reader.height) pixels, as it is",
                micronsPerPixel: slide.micronsPerPixel)
        case (.imageMicronsPerPixel, nil):
            throw FileError(
                path, expected: "a model that states its resolution, as --mpp asks for", found: "one that does not")
        case (.model, nil):
            let note = slide == nil ? nil : "read at full resolution: the model states no resolution"
            return SlideImage(blocks: full, level: fullLevel, note: note, micronsPerPixel: slide?.micronsPerPixel)
        case (.imageMicronsPerPixel(let value), let wanted?):
            return try resampled(full, from: (value, value), to: wanted)
        case (.model, let wanted?):
            if let found = slide?.micronsPerPixel { return try resampled(full, from: found, to: wanted) }
            guard slide == nil else {
                throw FileError(
                    path, expected: "a slide that states its microns per pixel, or --mpp, or --level", found: "neither")
            }
            let note = "treated as having the model's \(String(wanted, decimals: 3)) microns per pixel (--mpp)"
            return SlideImage(blocks: full, level: nil, note: note, micronsPerPixel: nil)
        }
    }

    private static func resampled(
        _ full: any BlockReader, from found: (x: Double, y: Double), to wanted: Double
    ) throws(FileError) -> SlideImage {
        let path = full.path
        let scale = (x: wanted / found.x, y: wanted / found.y)
        guard (0.01...100).contains(scale.x), (0.01...100).contains(scale.y) else {
            throw FileError(
                path, expected: "at most 100 times more or fewer microns per pixel than the model's \(wanted)",
                found: "\(found.x) x \(found.y)")
        }
        let fullLevel = full.slide.map { _ in 0 }
        if (scale.x - 1).magnitude <= tolerance, (scale.y - 1).magnitude <= tolerance {
            return SlideImage(blocks: full, level: fullLevel, note: nil, micronsPerPixel: found)
        }
        var (source, sourceLevel) = (full, fullLevel)
        if let levels = full.slide?.levels {
            let fine = levels.indices.filter { levels[$0].downsample <= min(scale.x, scale.y) * (1 + tolerance) }
            let level = fine.max { levels[$0].downsample < levels[$1].downsample } ?? 0
            if level > 0 { (source, sourceLevel) = (try SlideBlockReader(path, level: level), level) }
        }
        func length(_ pixels: Int, _ scale: Double) -> Int { max(1, Int((Double(pixels) / scale).rounded())) }
        let (width, height) = (length(full.width, scale.x), length(full.height, scale.y))
        let prefix = sourceLevel.map { "level \($0), " } ?? ""
        // Downsamples of levels are rarely exact: a difference of less than one pixel in a hundred is not resampled.
        func fits(_ a: Int, _ b: Int) -> Bool { (Double(a) / Double(b) - 1).magnitude <= tolerance }
        if fits(source.width, width), fits(source.height, height) {
            return SlideImage(
                blocks: source, level: sourceLevel, note: "\(prefix)\(source.width) x \(source.height) pixels",
                micronsPerPixel: found)
        }
        let (from, to) = (String(found.x, significantDigits: 4), String(wanted, significantDigits: 4))
        return SlideImage(
            blocks: ScaledBlockReader(source, width: width, height: height), level: sourceLevel,
            note: "\(prefix)resampled from \(from) to \(to) microns per pixel: \(width) x \(height) pixels",
            micronsPerPixel: found)
    }
}
