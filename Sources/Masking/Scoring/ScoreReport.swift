import Foundations

/// The scores of masks, per image, pooled and as means: a table for people, CSV and JSON for programs.
package struct ScoreReport: Encodable {
    package struct Image: Encodable {
        package let name: String
        package let mask: String
        package let truth: String
        /// Pixels.
        package let width: Int
        package let height: Int
        package let score: MaskScore

        package init(_ pair: ScorePairs.Pair, width: Int, height: Int, score: MaskScore) {
            (name, mask, truth) = (pair.name, pair.mask.string, pair.truth.string)
            (self.width, self.height, self.score) = (width, height, score)
        }
    }

    package private(set) var images = [Image]()
    private var sum = MaskScore()

    package init() {}

    package mutating func append(_ image: Image) {
        images.append(image)
        sum += image.score
    }

    private enum CodingKeys: CodingKey {
        case images, pooled, mean
    }

    package func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(images, forKey: .images)
        try container.encode(sum, forKey: .pooled)
        try container.encode(mean, forKey: .mean)
    }

    /// Nil without images.
    private var mean: MaskMetrics? { images.isEmpty ? nil : .mean(images.map(\.score.metrics)) }

    /// A row for each image (RFC 4180 with Unix line ends).
    package var csv: String {
        let names = MaskScore().metrics.all.map(\.name)
        let header = ["name", "mask", "truth", "width", "height", "found", "true", "matched"] + names
        return csvLine(header)
            + images.map { image in
                let counts = [image.width, image.height, image.score.found, image.score.existing, image.score.matched]
                let metrics = image.score.metrics.all.map { $0.value.map { String($0, decimals: 6) } ?? "" }
                return csvLine([image.name, image.mask, image.truth] + counts.map(String.init) + metrics)
            }.joined()
    }

    /// Lines of a table with a row for each image and, for several, the pooled and the mean scores.
    package var table: [String] {
        let headings = ["Dice", "IoU", "precision", "recall", "F1", "AJI", "SQ", "PQ", "count error"]
        var table = TextTable(
            [("image", .left), ("found", .right), ("true", .right)] + headings.map { ($0, .right) })
        func cells(_ metrics: MaskMetrics) -> [String] {
            metrics.all.dropLast().map { String($0.value!, decimals: 3) }
                + [metrics.countError.map { "\(String($0 * 100, decimals: 1)) %" } ?? ""]
        }
        func append(_ name: String, _ score: MaskScore) {
            table.append([name, "\(score.found)", "\(score.existing)"] + cells(score.metrics))
        }
        for image in images { append(image.name, image.score) }
        if images.count > 1, let mean {
            append("pooled", sum)
            table.append(["mean", "", ""] + cells(mean))
        }
        return table.lines
    }
}

extension MaskScore: Encodable {
    private enum CodingKeys: String, CodingKey {
        case found, matched
        case existing = "true"
    }

    /// Encodes the numbers of objects and the metrics, in one object.
    package func encode(to encoder: any Encoder) throws {
        try metrics.encode(to: encoder)
        var container = encoder.container(keyedBy: CodingKeys.self)
        try container.encode(found, forKey: .found)
        try container.encode(existing, forKey: .existing)
        try container.encode(matched, forKey: .matched)
    }
}
