import Console
import Foundations
import Imaging
import Masking

/// The estimates of all images with their totals. Encoded, it is the output of `plan --json`.
struct PlanReport: Encodable {
    /// Nil for a model that outlines nuclei, which has blocks instead.
    private let windowsPerSecond: Double?
    private let blocksPerSecond: Double?
    private let threads: Int
    private let images: [ImageEstimate]
    private let seconds: Double
    private let memoryBytes: Int?
    private let outputBytes: Int
    private let cacheBytes: Int?

    private enum CodingKeys: CodingKey {
        case windowsPerSecond, blocksPerSecond, threads, images, seconds, memoryBytes, outputBytes, cacheBytes
    }

    private let keepsCache: Bool
    private let unit: String
    /// Microns per pixel of each image that a list states; nil where it states none.
    private let micronsPerPixel: [Double?]

    init(
        _ images: [ImageEstimate], micronsPerPixel: [Double?], unit: String, secondsPerUnit: Double, threads: Int,
        keepsCache: Bool
    ) {
        self.micronsPerPixel = micronsPerPixel
        (self.images, self.threads, self.keepsCache, self.unit) = (images, threads, keepsCache, unit)
        windowsPerSecond = unit == "windows" ? 1 / secondsPerUnit : nil
        blocksPerSecond = unit == "windows" ? nil : 1 / secondsPerUnit
        seconds = images.reduce(0) { $0 + ($1.seconds ?? 0) }
        memoryBytes = images.compactMap(\.memoryBytes).max()
        outputBytes = images.reduce(0) { $0 + ($1.outputBytes ?? 0) }
        let caches = images.compactMap(\.cacheBytes)
        cacheBytes = keepsCache ? caches.reduce(0, +) : caches.max()
    }

    /// A row for each image with the columns of `ImageList.planColumns`, those that take longest first. Of an image that
    /// would fail, the problem is stated.
    var csv: String {
        func megabytes(_ bytes: Int?) -> String { bytes.map { "\(($0 + 999_999) / 1_000_000)" } ?? "" }
        let order = images.indices.sorted { a, b in
            let (first, second) = (images[a].seconds ?? 0, images[b].seconds ?? 0)
            return first == second ? a < b : first > second
        }
        let rows = order.map { index in
            let image = images[index]
            let disk = image.outputBytes.map { $0 + (image.cacheBytes ?? 0) }
            // A line that begins with # is a comment in a list.
            let isLikeComment = image.image.trimmed.hasPrefix("#")
            return [
                isLikeComment ? "./\(image.image)" : image.image,
                micronsPerPixel[index].map { "\($0)" } ?? "", image.windows.map(String.init) ?? "",
                image.seconds.map { String($0, decimals: 1) } ?? "", megabytes(image.memoryBytes), "\(threads)",
                megabytes(disk), image.problems.map(\.description).joined(separator: "; "),
            ]
        }
        return ([ImageList.planColumns] + rows).map { csvLine($0, isInput: true) }.joined()
    }

    func printTable() {
        for line in table.lines { Terminal.printLine(line) }
        Terminal.printLine()
        for image in images {
            for note in image.notes { Terminal.printLine("\(image.image): \(note)") }
            for problem in image.problems {
                // The file is named if it is not the image.
                let text = problem.path == image.image ? problem.problem : "\(problem)"
                Terminal.printLine("\(image.image): would fail: \(text)")
            }
        }
        if images.contains(where: { !$0.notes.isEmpty || !$0.problems.isEmpty }) { Terminal.printLine() }
        printTotals()
    }

    private var table: TextTable {
        var table = TextTable([
            ("image", .left), ("pixels", .right), ("levels", .right), ("mpp", .right), ("format", .left),
            ("read", .left), ("tissue", .right), (unit, .right), ("to compute", .right), ("time", .right),
            ("memory", .right), ("cache", .right), ("files", .right),
        ])
        func bytes(_ count: Int?) -> String { count.map { "\(ByteCount($0))" } ?? "" }
        for (image, name) in zip(images, ImageSearch.shortNames(images.map { FilePath($0.image) })) {
            let properties = image.properties
            let mpp = properties?.micronsPerPixel.map { describeResolution(($0.x, $0.y)) }
            let tissue = image.tissueShare.map { "\(String($0 * 100, decimals: 1)) %" }
            table.append([
                name, properties.map { "\($0.width) x \($0.height)" } ?? "",
                properties?.levels.map { "\($0.count)" } ?? "", mpp ?? "",
                properties.map { $0.vendor ?? "image" } ?? "", image.reading ?? "",
                tissue ?? (properties == nil ? "" : "all"),
                image.windows.map(String.init) ?? "", image.windowsToCompute.map(String.init) ?? "",
                image.seconds.map(Progress.clock) ?? "", bytes(image.memoryBytes), bytes(image.cacheBytes),
                bytes(image.outputBytes),
            ])
        }
        return table
    }

    private func printTotals() {
        let count = images.reduce(0) { $0 + ($1.windowsToCompute ?? 0) }
        let speed = windowsPerSecond ?? blocksPerSecond ?? 0
        Terminal.printLine(
            "time: about \(Progress.clock(seconds)), estimated: \(count.counted(String(unit.dropLast()))) at "
                + "\(String(speed, decimals: speed < 10 ? 1 : 0)) \(unit)/s, measured now on "
                + threads.counted("thread"))
        if let memoryBytes, let cacheBytes {
            Terminal.printLine(
                "memory: about \(ByteCount(memoryBytes)); disk: about \(ByteCount(outputBytes)) of files, "
                    + "\(ByteCount(cacheBytes)) of cache"
                    + (keepsCache ? "" : " while \(unit) are computed"))
        }
        Terminal.printLine(verdict)
    }

    /// Expected outcome of masking.
    private var verdict: String {
        let outcomes: [(ImageEstimate.Outcome, String)] = [
            (.failed, "would fail"), (.partlyUnreadable, "would have unreadable parts"),
            (.empty, "would have nothing to process"),
        ]
        let problems = outcomes.compactMap { outcome, words in
            let count = images.count { $0.outcome == outcome }
            return count == 0
                ? nil : "\(count) of \(images.count.counted("image")) \(words)"
        }
        if !problems.isEmpty { return problems.joined(separator: "; ") }
        return images.allSatisfy(\.isReadCompletely)
            ? "no problems found" : "no problems found in the parts that were read"
    }
}
