import Foundations
import Foundation
import Imaging

/// At which resolution an image is looked at.
package enum ResolutionChoice: Equatable, Sendable {
    /// That of the tiles that the model learnt from, where it is known.
    case model
    /// The same, for an image whose pixels have so many microns, whatever it says.
    case imageMicronsPerPixel(Double)
    /// A level of a slide, as it is.
    case level(Int)
}

/// An image ready to be looked at, and what to say about its resolution; nil when there is nothing to say.
package struct ResolvedImage {
    package let reader: any BlockReader
    /// Level of the slide that is read; nil for other images.
    package let level: Int?
    package let note: String?
    /// Microns per pixel of the full resolution, where the slide or the user says; nil for others.
    package let micronsPerPixel: (x: Double, y: Double)?
}

/// How far resolutions may be apart to pass for the same: scanners of one make differ by as much.
private let tolerance = 0.01

/// Opens an image at the resolution of the tiles that a model learnt from: a slide at the smallest level that is not coarser,
/// resampled from there. Where the model does not know its resolution, images are taken as they are.
///
/// Throws what `openImage` throws, and `malformed` when the model knows its resolution and the slide does not.
package func openBlocks(
    _ path: FilePath, modelMicronsPerPixel wanted: Double?, _ choice: ResolutionChoice
) throws(FileError) -> ResolvedImage {
    let full = try openBlocks(path)
    if case .level(let level) = choice {
        guard full.slide != nil else {
            throw FileError(path, expected: "a slide, as --level asks for", found: "an image without levels")
        }
        let reader = try SlideBlockReader(path, level: level)
        return ResolvedImage(
            reader: reader, level: level, note: "level \(level), \(reader.width) x \(reader.height) pixels, as it is",
            micronsPerPixel: full.slide?.micronsPerPixel)
    }
    let fullLevel = full.slide.map { _ in 0 }
    guard let wanted else {
        let note = full.slide == nil ? nil : "read at full resolution: the model does not know its own"
        if case .imageMicronsPerPixel = choice {
            throw FileError(
                path, expected: "a model that knows its resolution, as --mpp asks for", found: "one that does not")
        }
        return ResolvedImage(
            reader: full, level: fullLevel, note: note, micronsPerPixel: full.slide?.micronsPerPixel)
    }
    var found = full.slide?.micronsPerPixel
    if case .imageMicronsPerPixel(let value) = choice { found = (value, value) }
    guard let found else {
        if full.slide == nil {
            return ResolvedImage(
                reader: full, level: nil,
                note: String(format: "taken to have the model's %.3f microns per pixel (--mpp)", wanted),
                micronsPerPixel: nil)
        }
        throw FileError(
            path, expected: "a slide that says its microns per pixel, or --mpp, or --level", found: "neither")
    }
    let scale = (x: wanted / found.x, y: wanted / found.y)
    guard (0.01...100).contains(scale.x), (0.01...100).contains(scale.y) else {
        throw FileError(
            path, expected: "at most 100 times more or fewer microns per pixel than the model's \(wanted)",
            found: "\(found.x) x \(found.y)")
    }
    if (scale.x - 1).magnitude <= tolerance, (scale.y - 1).magnitude <= tolerance {
        return ResolvedImage(reader: full, level: fullLevel, note: nil, micronsPerPixel: found)
    }
    var source = full
    if let levels = full.slide?.levels {
        let fine = levels.indices.filter { levels[$0].downsample <= min(scale.x, scale.y) * (1 + tolerance) }
        let level = fine.max { levels[$0].downsample < levels[$1].downsample } ?? 0
        if level > 0 { source = try SlideBlockReader(path, level: level) }
    }
    func length(_ pixels: Int, _ scale: Double) -> Int { max(1, Int((Double(pixels) / scale).rounded())) }
    let (width, height) = (length(full.width, scale.x), length(full.height, scale.y))
    let sourceLevel = (source as? SlideBlockReader)?.level
    let level = sourceLevel.map { "level \($0), " } ?? ""
    let note = String(
        format: "%@resampled from %.4g to %.4g microns per pixel: %d x %d pixels", level, found.x, wanted, width, height
    )
    // Levels are seldom exact: what is off by less than a pixel in a hundred is not resampled.
    func fits(_ a: Int, _ b: Int) -> Bool { (Double(a) / Double(b) - 1).magnitude <= tolerance }
    if fits(source.width, width), fits(source.height, height) {
        return ResolvedImage(
            reader: source, level: sourceLevel, note: "\(level)\(source.width) x \(source.height) pixels",
            micronsPerPixel: found)
    }
    return ResolvedImage(
        reader: ScaledBlockReader(source, width: width, height: height), level: sourceLevel, note: note,
        micronsPerPixel: found)
}
