import Console
import Foundations
import Imaging
import Masking

/// The estimates of all images with their totals. Encoded, it is the output of `plan --json`.
struct PlanReport: Encodable {
    private let windowsPerSecond: Double
    private let threads: Int
    private let images: [ImageEstimate]
    private let seconds: Double
    private let memoryBytes: Int?
    private let outputBytes: Int
    private let cacheBytes: Int?

    private enum CodingKeys: CodingKey {
        case windowsPerSecond, threads, images, seconds, memoryBytes, outputBytes, cacheBytes
    }

    private let keepsCache: Bool

    init(_ images: [ImageEstimate], _ speed: PredictionSpeed, threads: Int, keepsCache: Bool) {
        (self.images, self.threads, self.keepsCache) = (images, threads, keepsCache)
        windowsPerSecond = 1 / speed.secondsPerWindow
        seconds = images.reduce(0) { $0 + ($1.seconds ?? 0) }
        memoryBytes = images.compactMap(\.memoryBytes).max()
        outputBytes = images.reduce(0) { $0 + ($1.outputBytes ?? 0) }
        let caches = images.compactMap(\.cacheBytes)
        cacheBytes = keepsCache ? caches.reduce(0, +) : caches.max()
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
            ("read", .left), ("tissue", .right), ("windows", .right), ("to compute", .right), ("time", .right),
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
        let windows = images.reduce(0) { $0 + ($1.windowsToCompute ?? 0) }
        Terminal.printLine(
            "time: about \(Progress.clock(seconds)), estimated: \(windows) windows at "
                + "\(String(windowsPerSecond, decimals: 0)) windows/s, measured now on \(threads) "
                + (threads == 1 ? "thread" : "threads"))
        if let memoryBytes, let cacheBytes {
            Terminal.printLine(
                "memory: about \(ByteCount(memoryBytes)); disk: about \(ByteCount(outputBytes)) of files, "
                    + "\(ByteCount(cacheBytes)) of window cache"
                    + (keepsCache ? "" : " while windows are computed"))
        }
        let failing = images.count { !$0.problems.isEmpty }
        Terminal.printLine(
            failing == 0
                ? "no problems found"
                : "\(failing) of \(images.count) \(images.count == 1 ? "image" : "images") would fail")
    }
}
