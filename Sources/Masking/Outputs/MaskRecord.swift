import FoundationEssentials
import Foundations
import Imaging
import NeuralNetworks

/// How a mask was made and what it contains. It is stored as JSON next to the mask.
package struct MaskRecord: Codable, Sendable {
    package struct Scale: Codable, Sendable {
        package let x: Double
        package let y: Double
    }

    package struct Image: Codable, Sendable {
        package struct Level: Codable, Sendable {
            package let width: Int
            package let height: Int
            package let downsample: Double
        }

        package struct Bounds: Codable, Sendable {
            package let x: Int
            package let y: Int
            package let width: Int
            package let height: Int
        }

        package let path: String
        package let width: Int
        package let height: Int
        /// Nil for other images than slides, as are levels.
        package let vendor: String?
        package let levels: [Level]?
        /// The picture in OpenSlide's level 0, where the slide states one that is smaller; nil for others. Coordinates in
        /// all files begin at its corner.
        package let bounds: Bounds?
        /// At full resolution; nil if unknown.
        package let micronsPerPixel: Scale?
        package let resolutionSource: ResolutionSource
        /// Size in pixels at the resolution of the windows.
        package let laidWidth: Int
        package let laidHeight: Int

        /// `path` is nil for that of the image itself; a copy of an image has another.
        package init(_ image: SlideImage, path: FilePath? = nil) {
            (self.path, width, height) = ((path ?? image.path).string, image.width, image.height)
            (laidWidth, laidHeight) = (image.blocks.width, image.blocks.height)
            vendor = image.slide?.vendor
            levels = image.slide?.levels.map { Level(width: $0.width, height: $0.height, downsample: $0.downsample) }
            bounds = image.slide?.bounds.flatMap {
                Bounds(x: $0.x, y: $0.y, width: $0.width, height: $0.height)
            }
            micronsPerPixel = image.micronsPerPixel.map { Scale(x: $0.x, y: $0.y) }
            resolutionSource = image.resolutionSource
        }
    }

    package struct NamedModel: Codable, Sendable {
        /// For an ensemble, the paths of its models with commas between them, and the digest of their digests.
        package private(set) var path: String
        package private(set) var sha256: String
        package private(set) var architecture: String
        package let classes: [String]
        package let tileSize: Int
        package let micronsPerPixel: Double?
        /// Temperature of the calibration, 1 without one; nil for an ensemble, and in records of earlier versions,
        /// which used none.
        package private(set) var temperature: Double?
        /// The models of an ensemble; nil for one model.
        package private(set) var members: [NamedModel]?

        private init(_ member: MaskModel) {
            let model = member.model.description
            (path, sha256, temperature) = (member.path.string, member.sha256, member.scaling.temperature)
            (architecture, classes) = (model.architecture.rawValue, model.classes)
            (tileSize, micronsPerPixel, members) = (model.tileSize, model.micronsPerPixel, nil)
        }

        package init(_ models: MaskModels) {
            let members = models.members.map(Self.init)
            self = members[0]
            guard models.isEnsemble else { return }
            path = members.map(\.path).joined(separator: ", ")
            sha256 = SHA256.digest(of: members.map(\.sha256).joined(separator: "\n"))
            architecture = Set(members.map(\.architecture)).sorted().joined(separator: ", ")
            (temperature, self.members) = (nil, members)
        }
    }

    /// The windows, or the blocks in which nuclei are outlined.
    package struct Windows: Codable, Sendable {
        package let count: Int
        package let columns: Int
        package let rows: Int
        package let size: Int
        package let predicted: Int
        package let withoutTissue: Int
        package let outside: Int
        package let unreadable: Int
        /// Layers whose features windows shared; 0 if they were computed independently.
        package let sharedLayers: Int

        package init(_ grid: WindowGrid, _ counts: [WindowState: Int], _ sharing: SharingPlan?) {
            (count, size) = (grid.count, grid.tile)
            (columns, rows) = (grid.columns.starts.count, grid.rows.starts.count)
            (predicted, withoutTissue) = (counts[.predicted, default: 0], counts[.background, default: 0])
            (outside, unreadable) = (counts[.outside, default: 0], counts[.unreadable, default: 0])
            sharedLayers = sharing?.trunk ?? 0
        }

        /// The blocks of an image, of which some have no tissue, no pixel, or none that can be decoded.
        package init(_ grid: NucleusGrid, withoutTissue: Int, outside: Int, unreadable: Int) {
            (count, size, columns, rows) = (grid.count, grid.core, grid.columns, grid.rows)
            predicted = grid.count - withoutTissue - outside - unreadable
            (self.withoutTissue, self.outside, self.unreadable, sharedLayers) = (withoutTissue, outside, unreadable, 0)
        }
    }

    /// A part of the image's pixels.
    package struct Part: Codable, Sendable {
        package let pixels: Int
        package let share: Double
        /// Nil if the resolution is unknown.
        package let squareMillimeters: Double?
    }

    package struct Coverage: Codable, Sendable {
        package let nuclei: Part
        package let noNuclei: Part
        /// Black because it is not processed (without tissue, or outside the outline), or because of
        /// missing pixels, damage, or missing windows.
        package let withoutTissue: Part
        package let outside: Part
        package let unreadable: Part
        package let uncovered: Part
        /// White pixels before refinement; nil without refinement.
        package let positiveRegions: Part?
        /// The tissue, or the inside of the outline; all of the image without either. Nil in records of earlier versions.
        package let processed: Part?
    }

    package struct Refined: Codable, Sendable {
        package let method: String
        package let settings: RefinementSettings
        /// Nil if no pixel was white.
        package let densityThreshold: Double?

        package init(method: String, settings: RefinementSettings, densityThreshold: Double?) {
            (self.method, self.settings, self.densityThreshold) = (method, settings, densityThreshold)
        }
    }

    package struct Seconds: Codable, Sendable {
        /// Reading the model and its SHA-256.
        package let loading: Double
        package let predicting: Double
        /// Parts of predicting. Reading runs in parallel with computing.
        package let parts: PredictionSeconds
        package let writing: Double

        package init(loading: Double, predicting: Double, parts: PredictionSeconds, writing: Double) {
            (self.loading, self.predicting, self.parts, self.writing) = (loading, predicting, parts, writing)
        }
    }

    package enum State: String, Codable, Sendable {
        case masked
        /// No pixel of the mask has a probability, so that the mask says nothing about nuclei.
        case nothingPredicted
    }

    package let version: String
    /// Nil in records of earlier versions.
    package let state: State?
    /// Problems of the mask or the image, one line each.
    package let warnings: [String]?
    /// Remarks about how the image was read, one line each. Nil in records of earlier versions.
    package let notes: [String]?
    /// Digest of the fingerprint that the mask was made with.
    package let request: String
    package let image: Image
    package let model: NamedModel
    package let settings: MaskSettings
    package let refinement: Refined?
    package let windows: Windows
    package let coverage: Coverage
    /// The number of nuclei and their density; nil where windows are classified.
    package let nuclei: NucleusCounts?
    /// The share of white pixels among those with a probability; nil if there are none.
    package let nucleiShareOfPredicted: Double?
    /// Outlines in the GeoJSON file; nil without such a file.
    package let polygons: Int?
    /// Paths of the files from the folder of the record, by output kind. In records of earlier versions they begin in the
    /// working directory.
    package let files: [String: String]
    /// Size and digest of the files except the record, by output kind. Nil in records of earlier versions.
    package let digests: [String: FileDigest]?
    package let seconds: Seconds
    /// Nil in records of earlier versions.
    package let execution: Execution?

    package init(
        _ fingerprint: MaskFingerprint, image: Image, model: NamedModel, refinement: Refined?, windows: Windows,
        coverage: Coverage, nuclei: NucleusCounts?, warnings: [String], notes: [String], polygons: Int?,
        files: [OutputKind: FilePath], digests: [OutputKind: FileDigest], seconds: Seconds,
        execution: Execution
    ) {
        (version, settings, request) = (fingerprint.version, fingerprint.settings, fingerprint.digest)
        (self.image, self.model, self.refinement) = (image, model, refinement)
        (self.windows, self.coverage, self.nuclei, self.polygons) = (windows, coverage, nuclei, polygons)
        let folder = (files[.record] ?? "").folder
        self.files = Dictionary(
            uniqueKeysWithValues: files.map { ($0.key.rawValue, $0.value.relative(to: folder).string) })
        self.digests = Dictionary(uniqueKeysWithValues: digests.map { ($0.key.rawValue, $0.value) })
        let predicted = coverage.nuclei.pixels + coverage.noNuclei.pixels
        nucleiShareOfPredicted = predicted > 0 ? Double(coverage.nuclei.pixels) / Double(predicted) : nil
        (state, self.warnings, self.notes) = (predicted > 0 ? .masked : .nothingPredicted, warnings, notes)
        (self.seconds, self.execution) = (seconds, execution)
    }

    /// Microns per pixel at full resolution, for measurements. Where those of the image are not known, the pixels of windows
    /// count as having the model's, else 0.5.
    package var micronsPerPixel: (x: Double, y: Double) {
        if let known = image.micronsPerPixel { return (known.x, known.y) }
        let assumed = model.micronsPerPixel ?? 0.5
        return (
            assumed * Double(image.laidWidth) / Double(image.width),
            assumed * Double(image.laidHeight) / Double(image.height)
        )
    }

    /// Whether no pixel of the mask has a probability.
    package var isEmpty: Bool { state == .nothingPredicted }

    /// A description of what could not be read; nil if everything could. Refinement reads at full resolution, which may be
    /// damaged where windows were read at another one.
    package var unreadableParts: String? {
        if windows.unreadable > 0 {
            return nuclei == nil
                ? windows.unreadable.counted("window") : "parts of \(windows.unreadable.counted("block"))"
        }
        return coverage.unreadable.pixels > 0 ? "parts of the full resolution" : nil
    }

    /// The image that the mask was made from, where it has another file name than this one; else nil.
    package func otherImage(than image: FilePath) -> FilePath? {
        let own = FilePath(self.image.path)
        return own.name == image.name ? nil : own
    }

    /// Size in bytes that no record reaches.
    private static let largestFile = 1 << 20

    /// The record of a mask lies next to it.
    package static func path(ofMask mask: FilePath) -> FilePath { mask.removingExtension.withSuffix(".json") }

    /// The record in a file; nil if the file does not exist or has other content.
    package init?(reading path: FilePath) {
        guard let size = try? path.stat().size, size <= Self.largestFile,
            let data = try? FileBytes.data(path),
            let record = try? JSON.decode(Self.self, from: data)
        else { return nil }
        self = record
    }
}

extension MaskRecord.Coverage {
    package init(_ results: MaskResults, _ micronsPerPixel: (x: Double, y: Double)?) {
        let summary = results.summary
        func part(_ pixels: Int) -> MaskRecord.Part {
            MaskRecord.Part(
                pixels: pixels, share: Double(pixels) / (Double(summary.width) * Double(summary.height)),
                squareMillimeters: micronsPerPixel.map { Double(pixels) * $0.x * $0.y / 1e6 }.flatMap {
                    $0.isFinite ? $0 : nil
                })
        }
        nuclei = part(summary.nuclei)
        noNuclei = part(summary.noNuclei)
        withoutTissue = part(summary.blank.background)
        outside = part(summary.blank.outside)
        unreadable = part(summary.blank.unreadable)
        uncovered = part(summary.blank.uncovered)
        positiveRegions = results.positive.map(part)
        processed = part(summary.processed)
    }
}
