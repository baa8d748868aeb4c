import Foundations
import Imaging
import NeuralNetworks

/// Everything about the windows of an image that is decided before the first one is computed.
package struct PredictionPlan {
    package let grid: WindowGrid
    package let blocks: BlockPlan
    /// How windows share features; nil if they are computed independently.
    package let sharing: SharingPlan?
    /// The processed area at the resolution of the windows; nil for all of the image.
    package let tissue: TissueMap?
    /// Text that changes whenever probabilities may, for the same image and model.
    package let fingerprint: String
    /// Largest side of a block in pixels.
    let largestSide: Int
    /// Bytes of the probabilities and states of all windows.
    private let storeBytes: Int
    private let geometry: ImageGeometry

    /// Throws `malformed` where the windows, or the rows of pixels under them, exceed the memory that masking is designed
    /// for.
    init(
        _ image: any BlockReader, tissue: TissueMap?, tile: Int, settings: MaskSettings, sharing: SharingPlan?,
        largestBlock: Int, temperatures: [Double], instructions: String
    ) throws(FileError) {
        grid = try Self.grid(image, tile: tile, settings)
        storeBytes = WindowStore.byteCount(grid.count, hasDeviations: temperatures.count > 1)
        largestSide = Self.largestSide(
            sharing, tile: tile, stride: settings.stride, pixelsRead: image.pixelsRead, largestBlock: largestBlock)
        blocks = BlockPlan(
            grid, largestWidth: largestSide, largestHeight: min(largestSide, image.largestBlockHeight),
            phase: sharing?.stride ?? 1)
        self.sharing = sharing
        self.tissue = tissue?.scaled(width: image.width, height: image.height)
        geometry = image.geometry
        fingerprint =
            "\(image.width) x \(image.height) pixels for \(image.imageWidth) x \(image.imageHeight), tile \(tile), "
            + "stride \(settings.stride), edges \(settings.edges), blocks of \(largestSide), shared layers "
            + "\(sharing.map { "\($0.trunk)" } ?? "none"), tissue \(self.tissue?.digest ?? "everywhere"), "
            + "temperatures \(temperatures), \(settings.precision ?? .float32), \(instructions) instructions"
    }

    /// Probabilities of all windows take 1.3 GB, or 2.4 GB for an ensemble.
    private static let largestWindowCount = 1 << 28
    /// Bytes of the rows of pixels under one row of windows.
    static let largestBandInBytes = 3 << 30
    /// Pixels of the image under a window, before resampling: 200 MB.
    private static let largestWindowSide = 8192.0

    private static func grid(_ image: any BlockReader, tile: Int, _ settings: MaskSettings) throws(FileError)
        -> WindowGrid
    {
        let (width, height) = (max(image.width, tile), max(image.height, tile))
        let (columns, rows) = (width / settings.stride + 1, height / settings.stride + 1)
        guard columns <= largestWindowCount / rows else {
            throw FileError(
                image.path, expected: "at most \(largestWindowCount) windows, as a larger stride gives",
                found: "\(columns) x \(rows)")
        }
        guard !image.isSequential || width <= largestBandInBytes / (tile * 3) else {
            throw FileError(
                image.path, expected: "at most \(largestBandInBytes / (tile * 3)) pixels per row", found: "\(width)")
        }
        guard Double(tile) * image.pixelsRead <= largestWindowSide else {
            throw FileError(
                image.path,
                expected: "a resolution at which a window is at most \(Int(largestWindowSide)) pixels per side",
                found: "\(Int(Double(tile) * image.pixelsRead)): choose a --level with coarser pixels")
        }
        return WindowGrid(
            width: width, height: height, tile: tile, stride: settings.stride, edges: settings.edges,
            columnScale: .init(image: image.imageWidth, laid: image.width),
            rowScale: .init(image: image.imageHeight, laid: image.height))
    }

    /// Largest side of a block in pixels: features of a block take 117 MB at most, and a block has no more windows than
    /// the borders of shared features allow. Where pixels are resampled from finer ones, those count.
    static func largestSide(
        _ sharing: SharingPlan?, tile: Int, stride: Int, pixelsRead: Double, largestBlock: Int
    ) -> Int {
        let read = max(tile, Int(Double(largestBlock) / max(1, pixelsRead)))
        guard let sharing else { return read }
        return min(read, sharing.largestSide(bytes: 112 << 20), tile + 31 * stride)
    }
}

/// A block with windows that remain to be computed.
struct PendingBlock {
    let index: Int
    let block: WindowBlock
    /// Pixels to read. They extend beyond an image that is smaller than a window.
    let region: PixelRegion
    let windowCount: Int
}

extension PredictionPlan {
    /// Marks the windows without tissue and returns the blocks that have pending windows.
    func pendingBlocks(in windows: ProbabilityGrid) -> [PendingBlock] {
        (0..<blocks.count).compactMap { index in
            let block = blocks[index]
            let count = windows.markBackground(in: block, tissue)
            guard let region = windows.pendingRegion(of: block, asHighAsBlock: geometry.isSequential) else {
                return nil
            }
            return PendingBlock(index: index, block: block, region: region, windowCount: count)
        }
    }

    /// The work that the plan means if none of the windows are computed yet.
    package var workload: Workload {
        let image = geometry
        let whole = PixelRegion(x: 0, y: 0, width: image.width, height: image.height)
        let pending = pendingBlocks(in: ProbabilityGrid(grid))
        let finer = image.pixelsRead * image.pixelsRead
        let area = min(largestSide, image.width) * min(largestSide, image.height, image.largestBlockHeight)
        let rows = image.isSequential ? min(largestSide, image.height, image.largestBlockHeight) : 0
        let pixels = pending.reduce(0) { sum, block in
            let region = block.region.intersection(whole)
            return sum + region.width * region.height
        }
        let withTissue = pending.reduce(0) { $0 + $1.windowCount }
        return Workload(
            windows: grid.count, withTissue: withTissue, wholeUnits: Double(withTissue), blocks: blocks.count,
            pixels: image.isSequential ? image.decodedArea : Int((Double(pixels) * finer).rounded()),
            bytes: storeBytes + geometry.blockBytes(area: area, rows: rows))
    }
}

/// The work that masking an image takes.
package struct Workload: Equatable, Sendable {
    package let windows: Int
    /// Windows that touch tissue and have to be computed.
    package let withTissue: Int
    /// Windows, or blocks of the usual size, that take as long to compute.
    package let wholeUnits: Double
    package let blocks: Int
    /// Pixels to decode.
    package let pixels: Int
    /// Bytes in memory: blocks of pixels with those that they are resampled from, and what is computed from them.
    package let bytes: Int
}

extension ImageGeometry {
    /// Bytes of two blocks of `area` pixels, of the pixels that they are resampled from, and of a band of `rows` rows, as
    /// wide as the image, in an image that is read by rows.
    func blockBytes(area: Int, rows: Int) -> Int {
        3 * (2 * area + (pixelsRead == 1 ? 0 : Int(Double(area) * pixelsRead * pixelsRead))) + bandBytes(rows: rows)
    }

    /// Bytes of the decoded pixels of a band of `rows` rows, as wide as the image.
    func bandBytes(rows: Int) -> Int { 3 * Int((Double(rows) * pixelsRead).rounded(.up)) * decodedWidth }
}
