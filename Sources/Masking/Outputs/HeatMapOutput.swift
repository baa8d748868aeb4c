import Foundations
import Imaging

/// The probabilities as colors over the image: TIFF as a pyramid at full resolution, PNG or JPEG in a smaller size.
final class HeatMapOutput: MaskOutput {
    /// Largest side of a heat map that is not a pyramid, in pixels.
    private static let largestSide = 4096

    static var fileExtensions: [String] { ["tif", "tiff", "png", "jpg", "jpeg"] }

    static func estimatedBytes(_ image: OutputEstimate) -> Double {
        (image.path.isTIFF ? image.pixels * 4 / 3 : min(image.pixels, 4096 * 4096)) * 0.3
    }

    static func memoryBytes(_ image: OutputEstimate) -> Int { image.pyramidBytes(channels: 3) }

    private let writer: any RowWriter
    private let image: SlideImage

    init(_ path: FilePath, _ job: OutputJob) throws {
        image = job.image
        if path.isTIFF {
            writer = try TIFFWriter(
                path: path, width: image.width, height: image.height, samples: .rgb, compression: .jpeg(quality: 85),
                properties: job.properties("probabilities of nuclei as colors over the image", channel: "heat map"))
        } else {
            let size = Overlay.panel(width: image.width, height: image.height, side: Self.largestSide)
            writer = try openImageForWriting(path, width: size.width, height: size.height, software: job.software)
        }
    }

    func write(_ windows: ProbabilityGrid, _ field: ProbabilityField, _ progress: OutputProgress) throws {
        let picture = try image.rows(width: writer.width, height: writer.height)
        try HeatMap.write(field, over: picture, to: writer) { try progress("heat map", $0, writer.height) }
    }

    func finish(_ results: inout MaskResults) throws { try writer.finish() }
}

/// Probabilities as colors over a picture.
package enum HeatMap {
    /// Opacity of probability 1. It is proportional to the probability, so that tissue without nuclei stays unchanged.
    static let opacity = 0.5

    /// Colors at equally spaced probabilities from 0 to 1, interpolated linearly: from dark teal over green to yellow, the
    /// hues that hematoxylin and eosin lack. Lightness increases with probability, so that readers with any kind of color
    /// vision can order them.
    static let stops: [[Double]] = [
        [0, 50, 90], [0, 95, 110], [0, 145, 105], [110, 200, 70], [255, 240, 40],
    ]

    /// The color of a probability: red, green and blue in 0 ... 255.
    package static func color(of probability: Double) -> [Double] {
        let place = min(max(probability, 0), 1) * Double(stops.count - 1)
        let index = min(Int(place), stops.count - 2)
        let share = place - Double(index)
        return zip(stops[index], stops[index + 1]).map { $0 + ($1 - $0) * share }
    }

    /// Writes the rows of a picture of the field's image, in its size or smaller, with the colors over it. Places without
    /// a probability, and those that are not processed, stay unchanged. `afterRow` receives the number of
    /// finished rows and may throw to cancel.
    package static func write(
        _ field: ProbabilityField, over picture: any RowReader, to writer: any RowWriter,
        afterRow: (Int) throws -> Void
    ) throws {
        precondition(picture.width == writer.width && picture.height == writer.height)
        let (width, height) = (picture.width, picture.height)
        var rows = ProbabilitySteps(field, width: width, height: height)
        // Color and opacity in thousandths for each of 256 steps of probability.
        let table = (0...255).map { step -> (color: [Int], opacity: Int) in
            let probability = Double(step) / 255
            return (color(of: probability).map { Int($0.rounded()) }, Int((opacity * probability * 1000).rounded()))
        }
        var line = [UInt8](repeating: 0, count: width * 3)
        for y in 0..<height {
            let steps = rows.row(y)
            try picture.readRows(into: &line, count: 1)
            for x in 0..<width where steps[x] >= 0 {
                let (color, opacity) = table[steps[x]]
                for channel in 0..<3 {
                    let mixed = Int(line[3 * x + channel]) * (1000 - opacity) + color[channel] * opacity
                    line[3 * x + channel] = UInt8((mixed + 500) / 1000)
                }
            }
            try writer.write(rows: line.span.bytes, count: 1)
            try afterRow(y + 1)
        }
    }
}
