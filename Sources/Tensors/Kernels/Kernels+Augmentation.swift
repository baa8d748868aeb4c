import CKernels

/// Augmentation of the pixels of one tile, in the order of the properties, with all numbers drawn. `TileAugmentation()` is
/// the identity; steps with neutral numbers are skipped.
package struct TileAugmentation: Equatable, Sendable {
    /// Inverse affine map from output to source coordinates. Pixel centers have integer coordinates.
    package struct Geometry: Equatable, Sendable {
        /// x' = xx x + xy y + x0, y' = yx x + yy y + y0.
        package var xx = 1.0
        package var xy = 0.0
        package var x0 = 0.0
        package var yx = 0.0
        package var yy = 1.0
        package var y0 = 0.0
        /// Whether the source is white outside its edges. Otherwise it is mirrored without repeating the outermost pixels.
        package var hasWhiteBorder = false

        package init() {}
    }

    /// Changes of the amounts of hematoxylin, eosin and residual, the cross product of their vectors.
    package struct Stain: Equatable, Sendable {
        /// Factors, 0 to 16.
        package var scale = SIMD3<Float>(repeating: 1)
        /// Offsets in units of optical density, -4 to 4.
        package var shift = SIMD3<Float>(repeating: 0)
        /// Factors of the transmitted light for red, green and blue, 1/64 to 64.
        package var illumination = SIMD3<Float>(repeating: 1)
        /// Optical densities of the stains for red, green and blue, of any length. Not parallel.
        package var hematoxylin = SIMD3(1.0, 0, 0)
        package var eosin = SIMD3(0.0, 1, 0)

        package init() {}
    }

    /// The four steps of torchvision's ColorJitter.
    package struct Color: Equatable, Sendable {
        package enum Step: UInt8, CaseIterable, Sendable {
            case brightness, contrast, saturation, hue
        }

        /// Factors, 0 to 16.
        package var brightness: Float = 1
        package var contrast: Float = 1
        package var saturation: Float = 1
        /// Rotation of the hue in turns, -0.5 to 0.5.
        package var hue: Float = 0
        /// Order of the steps; each occurs once.
        package var order = Step.allCases

        package init() {}
    }

    package var geometry = Geometry()
    package var stain = Stain()
    package var color = Color()
    /// Standard deviation of a Gaussian blur in pixels, 0 to 32; 0: none.
    package var blur: Float = 0
    /// Strength of an unsharp mask whose Gaussian is that of `blur`, 0 to 8; 0: the tile is blurred.
    package var sharpening: Float = 0
    /// Standard deviation of Gaussian noise in gray levels, 0 to 255; 0: none.
    package var noise: Float = 0
    package var noiseSeed: UInt64 = 0
    /// Quality of JPEG compression, 1 to 100; 0: none.
    package var jpegQuality = 0

    package init() {}

    fileprivate var native: ck_augmentation {
        let order = color.order.map(\.rawValue)
        precondition(order.count == 4, "\(order.count) color steps")
        return ck_augmentation(
            inverse: geometry.inverse, white_border: geometry.hasWhiteBorder, stain_scale: stain.scale.tuple,
            stain_shift: stain.shift.tuple, hematoxylin: stain.hematoxylin.tuple, eosin: stain.eosin.tuple,
            illumination: stain.illumination.tuple, brightness: color.brightness, contrast: color.contrast,
            saturation: color.saturation, hue: color.hue, color_order: (order[0], order[1], order[2], order[3]),
            blur_sigma: blur, sharpening: sharpening, noise_sigma: noise, noise_seed: noiseSeed,
            jpeg_quality: Int32(clamping: jpegQuality))
    }
}

extension TileAugmentation.Geometry {
    fileprivate var inverse: (Float, Float, Float, Float, Float, Float) {
        (Float(xx), Float(xy), Float(x0), Float(yx), Float(yy), Float(y0))
    }
}

extension SIMD3 {
    fileprivate var tuple: (Scalar, Scalar, Scalar) { (x, y, z) }
}

/// Rectangle of a tile that is overwritten after normalization. `Erasure()` is empty.
package struct Erasure: Equatable, Sendable {
    /// Column and row of the first pixel, and size, in pixels.
    package var x = 0
    package var y = 0
    package var width = 0
    package var height = 0
    /// Whether to fill with independent numbers of N(0, 1). Otherwise with zeros, the mean color.
    package var isNoise = false
    package var seed: UInt64 = 0

    package init() {}
}

extension Kernels {
    /// Element count of the scratch tensor of `augment`.
    package static func augmentationScratchCount(_ windows: PixelWindows, threads: Int) -> Int {
        var d = windows.dimensions
        return ck_augment_scratch(&d, Int32(clamping: threads))
    }

    /// Writes pixels[N][H][W][3]: the windows with one augmentation each. Uses `threads` threads, independent of
    /// `threadCount`. A second thread may call it, with its own `scratch`, while other kernels run. Throws `badParameter`
    /// for numbers out of range.
    package static func augment(
        _ pixels: inout MutableRawSpan, _ bytes: RawSpan, _ windows: PixelWindows,
        _ augmentations: [TileAugmentation], threads: Int, scratch: Tensor
    ) throws(KernelError) {
        let count = windows.offsets.count
        precondition(augmentations.count == count, "\(augmentations.count) augmentations of \(count) windows")
        precondition(
            pixels.byteCount >= count * windows.height * windows.width * 3,
            "\(pixels.byteCount) bytes for \(count) windows")
        var d = windows.checked(within: bytes)
        try KernelError.check(
            pixels.withMutableBytes { pixels in
                bytes.withBytes {
                    ck_augment_windows(
                        pixels, $0, windows.offsets, augmentations.map(\.native), &d, Int32(clamping: threads),
                        scratch.pointer, scratch.count)
                }
            })
    }

    /// Writes map[H][W]: a source of one byte per pixel, moved like the pixels of a tile, but with the nearest pixel in
    /// place of interpolation. With a white border, pixels outside the source become `outside`. A second thread may
    /// call it while other kernels run. Throws `badParameter` for numbers out of range.
    package static func moveMap(
        _ map: inout MutableRawSpan, _ source: RawSpan, height: Int, width: Int,
        _ geometry: TileAugmentation.Geometry, outside: UInt8
    ) throws(KernelError) {
        precondition(
            map.byteCount >= height * width && source.byteCount >= height * width,
            "\(map.byteCount) and \(source.byteCount) bytes for \(height) x \(width) pixels")
        let (a, b, c, d, e, f) = geometry.inverse
        try KernelError.check(
            map.withMutableBytes { map in
                source.withBytes {
                    ck_move_map(
                        map, $0, [a, b, c, d, e, f], geometry.hasWhiteBorder, outside, Int64(height), Int64(width))
                }
            })
    }

    /// Overwrites one rectangle in all channels of each of the first `erasures.count` tiles of planes[N][3][H][W]. Throws
    /// `badParameter` when a rectangle exceeds its tile.
    package static func erase(_ planes: Tensor, _ erasures: [Erasure]) throws(KernelError) {
        precondition(planes.shape.dimensions.count == 4 && planes.shape[1] == 3, "planes are \(planes.shape)")
        precondition(erasures.count <= planes.shape[0], "\(erasures.count) erasures of \(planes.shape)")
        if erasures.isEmpty { return }
        let native = erasures.map {
            ck_erasure(
                x: Int64($0.x), y: Int64($0.y), width: Int64($0.width), height: Int64($0.height), noise: $0.isNoise,
                seed: $0.seed)
        }
        try KernelError.check(
            ck_erase(
                planes.pointer, native, Int64(native.count), Int64(planes.shape[2]), Int64(planes.shape[3])))
    }
}
