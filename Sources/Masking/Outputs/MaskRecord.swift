import Foundations
import Foundation
import Imaging
import NeuralNetworks

/// How a mask was made and what is in it: the JSON file beside it.
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

        package let path: String
        package let width: Int
        package let height: Int
        /// Of slides only.
        package let vendor: String?
        package let levels: [Level]?
        /// Of the full resolution, where it is known.
        package let micronsPerPixel: Scale?
        /// Pixels that windows were laid on: those of the resolution that the model wants.
        package let laidWidth: Int
        package let laidHeight: Int

        package init(_ opened: ResolvedImage) {
            let reader = opened.reader
            let slide = reader.slide
            (path, width, height) = (reader.path.string, reader.imageWidth, reader.imageHeight)
            (laidWidth, laidHeight) = (reader.width, reader.height)
            vendor = slide?.vendor
            levels = slide?.levels.map { Level(width: $0.width, height: $0.height, downsample: $0.downsample) }
            micronsPerPixel = opened.micronsPerPixel.map { Scale(x: $0.x, y: $0.y) }
        }
    }

    package struct NamedModel: Codable, Sendable {
        package let path: String
        package let sha256: String
        package let architecture: String
        package let classes: [String]
        package let tileSize: Int
        package let micronsPerPixel: Double?

        package init(path: String, sha256: String, _ model: ModelDescription) {
            (self.path, self.sha256) = (path, sha256)
            (architecture, classes) = (model.architecture.rawValue, model.classes)
            (tileSize, micronsPerPixel) = (model.tileSize, model.micronsPerPixel)
        }
    }

    package struct Windows: Codable, Sendable {
        package let count: Int
        package let columns: Int
        package let rows: Int
        package let size: Int
        package let predicted: Int
        package let withoutTissue: Int
        package let outside: Int
        package let unreadable: Int
        /// Layers whose features windows shared, 0 where they were computed one by one.
        package let sharedLayers: Int

        package init(_ grid: WindowGrid, _ counts: [WindowState: Int], _ sharing: SharingPlan?) {
            (count, size) = (grid.count, grid.tile)
            (columns, rows) = (grid.columns.starts.count, grid.rows.starts.count)
            (predicted, withoutTissue) = (counts[.predicted, default: 0], counts[.background, default: 0])
            (outside, unreadable) = (counts[.outside, default: 0], counts[.unreadable, default: 0])
            sharedLayers = sharing?.trunk ?? 0
        }
    }

    /// Some of the image's pixels.
    package struct Part: Codable, Sendable {
        package let pixels: Int
        package let share: Double
        /// Only where the resolution is known.
        package let squareMillimetres: Double?
    }

    package struct Coverage: Codable, Sendable {
        package let nuclei: Part
        package let noNuclei: Part
        /// Black, because there is no tissue, no pixel, nothing that could be decoded, or no window.
        package let withoutTissue: Part
        package let outside: Part
        package let unreadable: Part
        package let uncovered: Part
        /// What was white before refinement.
        package let positiveRegions: Part?
    }

    package struct Refined: Codable, Sendable {
        package let method: String
        package let settings: RefinementSettings
        /// Nil when nothing was white.
        package let densityThreshold: Double?

        package init(method: String, settings: RefinementSettings, densityThreshold: Double?) {
            (self.method, self.settings, self.densityThreshold) = (method, settings, densityThreshold)
        }
    }

    package struct Seconds: Codable, Sendable {
        /// Reading the model and its SHA-256.
        package let loading: Double
        package let predicting: Double
        /// What predicting consists of, beside the reading ahead.
        package let parts: PredictionSeconds
        package let writing: Double

        package init(loading: Double, predicting: Double, parts: PredictionSeconds, writing: Double) {
            (self.loading, self.predicting, self.parts, self.writing) = (loading, predicting, parts, writing)
        }
    }

    package let version: String
    /// Digest of what was asked for.
    package let request: String
    package let image: Image
    package let model: NamedModel
    package let settings: MaskSettings
    package let refinement: Refined?
    package let windows: Windows
    package let coverage: Coverage
    /// Outlines in the GeoJSON file.
    package let polygons: Int?
    /// What was written, by what it is.
    package let files: [String: String]
    package let seconds: Seconds

    package init(
        _ request: MaskRequest, image: Image, model: NamedModel, refinement: Refined?, windows: Windows,
        coverage: Coverage, polygons: Int?, files: [OutputNames.Kind: FilePath], seconds: Seconds
    ) {
        (version, settings, self.request) = (request.version, request.settings, request.digest)
        (self.image, self.model, self.refinement) = (image, model, refinement)
        (self.windows, self.coverage, self.polygons) = (windows, coverage, polygons)
        self.files = Dictionary(uniqueKeysWithValues: files.map { ($0.key.rawValue, $0.value.string) })
        self.seconds = seconds
    }

    /// What could not be read, in words; nil when all could. Refining reads at full resolution, which may be damaged where
    /// windows were read at another.
    package var unreadableParts: String? {
        if windows.unreadable > 0 { return windows.unreadable == 1 ? "1 window" : "\(windows.unreadable) windows" }
        return coverage.unreadable.pixels > 0 ? "parts of the full resolution" : nil
    }

    /// Bytes that no record reaches.
    private static let largestFile = 1 << 20

    /// The record in a file; nil when there is no file, or it holds something else.
    package init?(reading path: FilePath) {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path.string)
        guard let size = attributes?[.size] as? Int, size <= Self.largestFile,
            let data = FileManager.default.contents(atPath: path.string),
            let record = try? JSONDecoder().decode(Self.self, from: data)
        else { return nil }
        self = record
    }
}

extension MaskRecord.Coverage {
    /// `positive` are the pixels that were white before refinement; nil when nothing was refined.
    package init(_ summary: MaskSummary, positive: Int?, _ resolution: (x: Double, y: Double)?) {
        func part(_ pixels: Int) -> MaskRecord.Part {
            MaskRecord.Part(
                pixels: pixels, share: Double(pixels) / (Double(summary.width) * Double(summary.height)),
                squareMillimetres: resolution.map { Double(pixels) * $0.x * $0.y / 1e6 })
        }
        nuclei = part(summary.nuclei)
        noNuclei = part(summary.noNuclei)
        withoutTissue = part(summary.blank.background)
        outside = part(summary.blank.outside)
        unreadable = part(summary.blank.unreadable)
        uncovered = part(summary.blank.uncovered)
        positiveRegions = positive.map(part)
    }
}
