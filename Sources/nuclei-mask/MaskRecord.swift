import Console
import Files
import Foundation
import Imaging
import Masking
import NeuralNetworks

/// How a mask was made and what is in it: the JSON file beside it.
struct MaskRecord: Encodable {
    struct Scale: Encodable {
        let x: Double
        let y: Double
    }

    struct Image: Encodable {
        struct Level: Encodable {
            let width: Int
            let height: Int
            let downsample: Double
        }

        let path: String
        let width: Int
        let height: Int
        /// Of slides only.
        let vendor: String?
        let levels: [Level]?
        /// Of the full resolution, where it is known.
        let micronsPerPixel: Scale?
        /// Pixels that windows were laid on: those of the resolution that the model wants.
        let laidWidth: Int
        let laidHeight: Int

        init(_ opened: ResolvedImage) {
            let reader = opened.reader
            let slide = reader.slide
            (path, width, height) = (reader.path, reader.imageWidth, reader.imageHeight)
            (laidWidth, laidHeight) = (reader.width, reader.height)
            vendor = slide?.vendor
            levels = slide?.levels.map { Level(width: $0.width, height: $0.height, downsample: $0.downsample) }
            micronsPerPixel = opened.micronsPerPixel.map { Scale(x: $0.x, y: $0.y) }
        }
    }

    struct NamedModel: Encodable {
        let path: String
        let sha256: String
        let architecture: String
        let classes: [String]
        let tileSize: Int
        let micronsPerPixel: Double?
    }

    struct Windows: Encodable {
        let count: Int
        let columns: Int
        let rows: Int
        let size: Int
        let predicted: Int
        let withoutTissue: Int
        let outside: Int
        let unreadable: Int
        /// Layers whose features windows shared, 0 where they were computed one by one.
        let sharedLayers: Int

        init(_ grid: WindowGrid, _ counts: [WindowState: Int], _ sharing: SharingPlan?) {
            (count, size) = (grid.count, grid.tile)
            (columns, rows) = (grid.columns.starts.count, grid.rows.starts.count)
            (predicted, withoutTissue) = (counts[.predicted, default: 0], counts[.background, default: 0])
            (outside, unreadable) = (counts[.outside, default: 0], counts[.unreadable, default: 0])
            sharedLayers = sharing?.trunk ?? 0
        }
    }

    /// Some of the image's pixels.
    struct Part: Encodable {
        let pixels: Int
        let share: Double
        /// Only where the resolution is known.
        let squareMillimetres: Double?
    }

    struct Coverage: Encodable {
        let nuclei: Part
        let noNuclei: Part
        /// Black, because there is no tissue, no pixel, nothing that could be decoded, or no window.
        let withoutTissue: Part
        let outside: Part
        let unreadable: Part
        let uncovered: Part
        /// What was white before refinement.
        let positiveRegions: Part?
    }

    struct Refined: Encodable {
        let method: String
        let settings: RefinementSettings
        let densityThreshold: Double?
    }

    struct Seconds: Encodable {
        /// Reading the model and its SHA-256.
        let loading: Double
        let predicting: Double
        /// What predicting consists of, beside the reading ahead.
        let parts: PredictionSeconds
        let writing: Double
    }

    let version: String
    let image: Image
    let model: NamedModel
    let settings: MaskSettings
    let refinement: Refined?
    let windows: Windows
    let coverage: Coverage
    /// Outlines in the GeoJSON file.
    let polygons: Int?
    /// What was written, by what it is.
    let files: [String: String]
    let seconds: Seconds
}

extension MaskRecord.Coverage {
    init(_ result: MaskOutputs.Result, _ resolution: (x: Double, y: Double)?, isRefined: Bool) {
        let summary = result.summary
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
        positiveRegions = isRefined ? part(result.positive) : nil
    }
}
