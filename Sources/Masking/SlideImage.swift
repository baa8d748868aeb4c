import Foundations
import Imaging

/// The resolution at which windows are laid over an image, and what is known about the image's own.
package struct ResolutionChoice: Equatable, Sendable {
    /// Microns per pixel of the image at full resolution, where it states none.
    package var micronsPerPixel: Double?
    /// Whether `micronsPerPixel` also replaces what the image states.
    package var overrides = false
    /// The level of a slide to read without resampling; nil for the resolution of the model's training tiles.
    package var level: Int?

    package init(micronsPerPixel: Double? = nil, overrides: Bool = false, level: Int? = nil) {
        (self.micronsPerPixel, self.overrides, self.level) = (micronsPerPixel, overrides, level)
    }

    /// The resolution of the model's training tiles, for images that state their own.
    package static let model = ResolutionChoice()
}

/// Where the microns per pixel of an image come from.
package enum ResolutionSource: String, Codable, Sendable {
    /// The file states them.
    case image
    /// The user states them.
    case user
    /// Neither does: the image is treated as having the model's.
    case model
    /// Neither does, nor does the model.
    case unknown
}

/// An opened image: blocks at the resolution of the model for windows, rows at full resolution for outputs.
package struct SlideImage {
    /// Blocks at the resolution that windows are laid on.
    package let blocks: any BlockReader
    /// Level of the slide that blocks are read from; nil for other images.
    package let level: Int?
    /// Whether the level, or the image, is read at half its width and height.
    private let isHalved: Bool
    /// Remarks about the resolution.
    package let notes: [String]
    /// Remarks about the resolution that put the result in doubt.
    package let warnings: [String]
    /// Microns per pixel at full resolution, as the slide or the user states; nil if neither does.
    package let micronsPerPixel: (x: Double, y: Double)?
    package let resolutionSource: ResolutionSource
    /// The slide that blocks, rows and tissue are read from; nil for other images.
    private let file: Slide?

    package var path: FilePath { blocks.path }

    /// Microns per pixel at full resolution. Where they are not known, the pixels that windows are laid on have `assumed`.
    package func micronsPerPixel(assuming assumed: Double) -> (x: Double, y: Double) {
        micronsPerPixel
            ?? (assumed * Double(blocks.width) / Double(width), assumed * Double(blocks.height) / Double(height))
    }

    /// Pixels at full resolution.
    package var width: Int { blocks.imageWidth }
    package var height: Int { blocks.imageHeight }
    /// Nil for other images than slides.
    package var slide: SlideMetadata? { blocks.slide }

    /// "level 0 at half size"; nil for an image without levels at its own size.
    fileprivate static func describeSource(level: Int?, isHalved: Bool) -> String? {
        let parts = [level.map { "level \($0)" }, isHalved ? "at half size" : nil].compactMap { $0 }
        return parts.isEmpty ? nil : parts.joined(separator: " ")
    }

    /// How blocks are read: "level 0 at half size, resampled".
    package var reading: String {
        let source = Self.describeSource(level: level, isHalved: isHalved)
        guard blocks is ScaledBlockReader else { return source ?? "as it is" }
        return source.map { "\($0), resampled" } ?? "resampled"
    }
}

// Reading an image again for outputs.
extension SlideImage {
    /// Rows at full resolution, from the top. Parts of a slide that cannot be decoded are gray.
    package func rows() throws(FileError) -> any RowReader {
        guard let file else { return try openImage(path) }
        return try SlideReader(file, damage: .painted)
    }

    /// Rows of the image in a smaller size, from the top. Parts of a slide that cannot be decoded are gray.
    package func rows(width: Int, height: Int) throws(FileError) -> any RowReader {
        let source: any RowReader =
            if let file { try Overlay.reader(file, width: width, height: height) } else { try openImage(path) }
        if source.width == width, source.height == height { return source }
        return DownsamplingReader(source, width: width, height: height)
    }

    /// The processed area of the image, nil where all of it is processed; and a warning where tissue cannot be found.
    package func tissue(
        _ source: TissueSource, _ note: (String) -> Void
    ) throws(FileError) -> (map: TissueMap?, warning: String?) {
        switch source {
        case .everywhere: return (nil, nil)
        case .outline(let path, let classes):
            let map = try TissueMap(
                outline: path, classes: classes, imageWidth: width, imageHeight: height, note: note)
            note("tissue on \(Self.percent(map.processedShare(width: width, height: height))), by \(path)")
            return (map, nil)
        case .automatic:
            guard let file else { return (nil, nil) }
            do {
                guard let finding = try TissueMap.detect(file) else {
                    return (nil, "the level to find tissue in is too large; everything is processed")
                }
                note(describe(finding))
                return (finding.map, nil)
            } catch  where error.kind == .malformed {
                // A damaged overview must not keep the rest of a slide from being processed.
                return (nil, "tissue cannot be found, everything is processed: \(error.problem)")
            }
        }
    }

    private func describe(_ finding: TissueMap.Detection) -> String {
        let pen = finding.penShare >= 0.0005 ? "; pen marks on \(Self.percent(finding.penShare)) left out" : ""
        let unreadable =
            finding.unreadableShare > 0
            ? "; \(Self.percent(finding.unreadableShare)) cannot be decoded there and count as tissue" : ""
        return
            "tissue on \(Self.percent(finding.map.processedShare(width: width, height: height))) (level "
            + "\(finding.level), color above \(finding.threshold) of 255)" + pen + unreadable
    }

    private static func percent(_ share: Double) -> String { String(share * 100, decimals: 1) + " %" }
}

/// Largest relative difference of two resolutions that count as the same: scanners of one make differ by as much.
private let tolerance = 0.01
/// The same for an image at half its size, which takes no resampling: 40x scanners have 0.246 to 0.254 microns per pixel.
private let halvingTolerance = 0.02
/// Factor between resolutions above which a model sees another scale than it learned.
private let largestScaleError = 1.5
/// Factor by which images are enlarged at most; beyond it there is nothing to see.
private let largestEnlargement = 16.0

extension SlideImage {
    /// Opens an image at the resolution of a model's training tiles. A slide is read at its coarsest level that is not
    /// coarser. That level, or another image, is read at half its size where JPEG is decoded so, and resampled from there.
    /// Where the model or the image states no resolution, images are read as they are.
    ///
    /// Throws what `openImage` throws, and `malformed` where there is no such level.
    package static func open(
        _ path: FilePath, at choice: ResolutionChoice, modelMicronsPerPixel wanted: Double?
    ) throws(FileError) -> SlideImage {
        var opening = try Opening(path, choice, wanted)
        return try opening.image()
    }

    /// Collects what is found out while an image is opened.
    private struct Opening {
        let choice: ResolutionChoice
        let wanted: Double?
        let full: any BlockReader
        let file: Slide?
        let microns: (x: Double, y: Double)?
        let source: ResolutionSource
        var notes = [String]()
        var warnings = [String]()

        init(_ path: FilePath, _ choice: ResolutionChoice, _ wanted: Double?) throws(FileError) {
            (self.choice, self.wanted) = (choice, wanted)
            if let software = WrittenImage.software(of: path) {
                throw FileError(
                    path, expected: "an image of tissue", found: "a mask or picture that \(software) wrote")
            }
            full = try openBlocks(path)
            file = (full as? SlideBlockReader)?.slideFile
            let crop = full as? RowBlockReader
            let stated = full.slide?.micronsPerPixel ?? crop?.micronsPerPixel
            if let remark = crop?.remark { notes.append(remark) }
            if let value = choice.micronsPerPixel, stated == nil || choice.overrides {
                (microns, source) = ((value, value), .user)
            } else {
                microns = stated
                source = stated != nil ? .image : wanted != nil ? .model : .unknown
            }
            describeSource(stated)
        }

        private mutating func describeSource(_ stated: (x: Double, y: Double)?) {
            if let value = choice.micronsPerPixel, let stated, source == .image,
                max(stated.x / value, value / stated.x, stated.y / value, value / stated.y) > 1 + tolerance
            {
                notes.append(
                    "the image states \(describeResolution(stated)) microns per pixel, which is used instead of "
                        + describeResolution((value, value)))
            }
            if let found = full.slide?.implausibleResolution, source != .user {
                warnings.append(
                    "its \(found) microns per pixel are not those of a microscope and are ignored (see --mpp)"
                )
            }
            if let wanted, source == .model {
                let level = choice.level.map { "level \($0) is " } ?? ""
                warnings.append(
                    "states no resolution of a microscope; \(level)treated as having the model's "
                        + "\(describeResolution((wanted, wanted))) microns per pixel (see --mpp)")
            }
        }

        mutating func image() throws(FileError) -> SlideImage {
            if let level = choice.level { return try image(level: level) }
            guard let wanted else {
                if file != nil { notes.append("read at full resolution: the model states no resolution") }
                return image(full, level: file.map { _ in 0 })
            }
            guard let microns else { return image(full, level: file.map { _ in 0 }) }
            return try resampled(from: microns, to: wanted)
        }

        private func image(_ blocks: any BlockReader, level: Int?, isHalved: Bool = false) -> SlideImage {
            SlideImage(
                blocks: blocks, level: level, isHalved: isHalved, notes: notes, warnings: warnings,
                micronsPerPixel: microns,
                resolutionSource: source, file: file)
        }

        private mutating func image(level: Int) throws(FileError) -> SlideImage {
            guard let file else {
                throw FileError(full.path, expected: "a slide with levels", found: "an image without levels")
            }
            let reader = try SlideBlockReader(file, level: level)
            guard try file.showsThePicture(level) else {
                throw FileError(
                    full.path, expected: "a level \(level) that shows the picture of level 0",
                    found: "another picture, \(reader.width) x \(reader.height) px")
            }
            notes.append("level \(level), \(reader.width) x \(reader.height) pixels, as it is")
            if let microns, let wanted {
                warnAboutScale(
                    found: (microns.x * reader.downsample, microns.y * reader.downsample), wanted, "windows have")
            }
            return image(reader, level: level)
        }

        private mutating func warnAboutScale(found: (x: Double, y: Double), _ wanted: Double, _ what: String) {
            let ratio = max(found.x, found.y) / wanted
            guard ratio > largestScaleError || min(found.x, found.y) / wanted < 1 / largestScaleError else { return }
            warnings.append(
                "\(what) \(describeResolution(found)) microns per pixel, the model was trained at \(describeResolution((wanted, wanted)))"
            )
        }

        private mutating func resampled(
            from found: (x: Double, y: Double), to wanted: Double
        ) throws(FileError) -> SlideImage {
            let scale = (x: wanted / found.x, y: wanted / found.y)
            guard min(scale.x, scale.y) >= 1 / largestEnlargement else {
                throw FileError(
                    full.path,
                    expected: "at most \(Int(largestEnlargement)) times more microns per pixel than the model's "
                        + describeResolution((wanted, wanted)), found: describeResolution(found))
            }
            if max(found.x, found.y) > wanted * largestScaleError {
                warnAboutScale(found: found, wanted, "the full resolution has only")
            }
            if (scale.x - 1).magnitude <= tolerance, (scale.y - 1).magnitude <= tolerance {
                return image(full, level: file.map { _ in 0 })
            }
            let level = try file?.level(downsample: min(scale.x, scale.y) * (1 + tolerance))
            var (source, isHalved) = (full, false)
            if let file, let level {
                let rest = min(scale.x, scale.y) / (file.metadata.level(level)?.downsample ?? 1)
                isHalved = file.decodesTiles(ofLevel: level) && rest * (1 + halvingTolerance) >= 2
                source = try SlideBlockReader(file, level: level, halving: isHalved)
            } else if min(scale.x, scale.y) * (1 + halvingTolerance) >= 2,
                let half = try (full as? RowBlockReader)?.halved()
            {
                (source, isHalved) = (half, true)
            }
            func length(_ pixels: Int, _ scale: Double) -> Int { max(1, Int((Double(pixels) / scale).rounded())) }
            let (width, height) = (length(full.width, scale.x), length(full.height, scale.y))
            let prefix = SlideImage.describeSource(level: level, isHalved: isHalved).map { "\($0), " } ?? ""
            let tolerance = isHalved ? halvingTolerance : tolerance
            // Downsamples of levels are rarely exact: a difference of less than one pixel in a hundred is not resampled.
            func fits(_ a: Int, _ b: Int) -> Bool { (Double(a) / Double(b) - 1).magnitude <= tolerance }
            if fits(source.width, width), fits(source.height, height) {
                notes.append("\(prefix)\(source.width) x \(source.height) pixels")
                return image(source, level: level, isHalved: isHalved)
            }
            notes.append(
                "\(prefix)resampled from \(describeResolution(found)) to \(describeResolution((wanted, wanted))) microns "
                    + "per pixel: \(width) x \(height) pixels")
            return image(ScaledBlockReader(source, width: width, height: height), level: level, isHalved: isHalved)
        }
    }
}
