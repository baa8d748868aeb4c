import CKernels

/// Layout of equally large windows of interleaved 8-bit RGB pixels in one buffer.
///
/// Every window is checked against the size of the buffer before a kernel reads it.
package struct PixelWindows: Sendable {
    package var height: Int
    package var width: Int
    /// Bytes from one row of a window to the next.
    package var rowStride: Int
    /// Offset of each window's first pixel, in bytes.
    package var offsets: [Int64]

    package init(height: Int, width: Int, rowStride: Int, offsets: [Int64]) {
        self.height = height
        self.width = width
        self.rowStride = rowStride
        self.offsets = offsets
    }

    var dimensions: ck_windows {
        ck_windows(n: Int64(offsets.count), h: Int64(height), w: Int64(width), row_stride: Int64(rowStride))
    }

    /// The layout for C. Traps when a window exceeds `bytes`.
    func checked(within bytes: RawSpan) -> ck_windows {
        let extent = (height - 1) * rowStride + width * 3
        precondition(
            offsets.allSatisfy { $0 >= 0 && Int($0) + extent <= bytes.byteCount }, "a window exceeds its buffer")
        return dimensions
    }
}

/// Mean and standard deviation of each color channel, in gray levels 0 to 255.
package struct ChannelStatistics: Hashable, Codable, Sendable {
    package var mean: [Float]
    package var deviation: [Float]

    package init(mean: [Float], deviation: [Float]) {
        precondition(mean.count == 3 && deviation.count == 3)
        self.mean = mean
        self.deviation = deviation
    }
}

extension Kernels {
    /// Normalizes windows to planes[N][3][H][W] = (byte - mean) / deviation of the channel. Throws `badParameter` when a
    /// deviation is not a positive number.
    package static func normalize(
        _ planes: Tensor, _ bytes: RawSpan, _ windows: PixelWindows, _ statistics: ChannelStatistics
    ) throws(KernelError) {
        expect(planes, [windows.offsets.count, 3, windows.height, windows.width], "planes")
        var d = windows.checked(within: bytes)
        try KernelError.check(
            bytes.withBytes {
                ck_normalize_windows(planes.pointer, $0, windows.offsets, statistics.mean, statistics.deviation, &d)
            })
    }

    /// Density of a stain: density[N][H][W], the mean of 3 x 3 pixels, whose densities are sums of what `table` has for
    /// their red, green and blue, 256 numbers each.
    package static func stainDensity(
        _ density: Tensor, _ bytes: RawSpan, _ windows: PixelWindows, table: [Float]
    ) throws(KernelError) {
        expect(density, [windows.offsets.count, windows.height, windows.width], "density")
        precondition(table.count == 3 * 256, "a table of \(table.count)")
        var d = windows.checked(within: bytes)
        try KernelError.check(
            bytes.withBytes { ck_stain_density(density.pointer, $0, windows.offsets, table, &d) })
    }

    /// Densities of a stain in as many pixels of 3 bytes, without a mean.
    package static func stainRow(
        _ densities: UnsafeMutableBufferPointer<Float>, _ pixels: UnsafeBufferPointer<UInt8>, table: [Float]
    ) {
        precondition(table.count == 3 * 256 && pixels.count >= 3 * densities.count, "\(pixels.count) bytes")
        if densities.isEmpty { return }
        let status = ck_stain_row(densities.baseAddress, pixels.baseAddress, table, Int64(densities.count))
        precondition(status == .ok, "\(status)")
    }

    /// sums[i] = weights[0] rows[r][i] + the sum of weights[d] (rows[r - d][i] + rows[r + d][i]) for d from 1 to r, for
    /// 2 r + 1 rows and r + 1 weights. Each row has as many elements as `sums`.
    package static func smoothRows(
        _ sums: UnsafeMutableBufferPointer<Float>, _ rows: [UnsafePointer<Float>?], weights: [Float]
    ) {
        precondition(!weights.isEmpty && rows.count == 2 * weights.count - 1, "\(rows.count) rows")
        if sums.isEmpty { return }
        let status = ck_smooth_rows(
            sums.baseAddress, rows, weights, Int64(weights.count - 1), Int64(sums.count))
        precondition(status == .ok, "\(status)")
    }

    /// Multiplies the odds of probabilities by the factor for the density of the same place. Factors are for equal steps of
    /// densities from 0 to 1; smaller densities are in the first step, larger ones in the last.
    package static func weighOdds(
        _ probabilities: UnsafeMutableBufferPointer<Float>, _ densities: UnsafeBufferPointer<Float>, factors: [Float]
    ) {
        precondition(probabilities.count == densities.count, "\(densities.count) densities")
        if probabilities.isEmpty { return }
        let status = ck_weigh_odds(
            probabilities.baseAddress, densities.baseAddress, factors, Int64(factors.count),
            Int64(probabilities.count))
        precondition(status == .ok, "\(status)")
    }

    /// Histograms of the channels over all windows: 3 x 256 counts.
    package static func channelHistograms(
        _ bytes: RawSpan, _ windows: PixelWindows
    ) throws(KernelError) -> [UInt64] {
        var d = windows.checked(within: bytes)
        var counts = [UInt64](repeating: 0, count: 3 * 256)
        try KernelError.check(bytes.withBytes { ck_channel_histograms(&counts, $0, windows.offsets, &d) })
        return counts
    }
}

extension RawSpan {
    /// Calls `body` with the address of the bytes for C.
    func withBytes<Result>(_ body: (UnsafePointer<UInt8>?) -> Result) -> Result {
        withUnsafeBytes { body($0.assumingMemoryBound(to: UInt8.self).baseAddress) }
    }
}

extension MutableRawSpan {
    /// Calls `body` with the address of the bytes for C.
    mutating func withMutableBytes<Result>(_ body: (UnsafeMutablePointer<UInt8>?) -> Result) -> Result {
        withUnsafeMutableBytes { body($0.assumingMemoryBound(to: UInt8.self).baseAddress) }
    }
}
