import CKernels
import Tensors
import TestSupport
import Testing

extension KernelTests {
    @Suite struct AugmentationArgumentTests {
        private let windows = ck_windows(n: 2, h: 3, w: 4, row_stride: 12)

        private var identity: ck_augmentation {
            ck_augmentation(
                inverse: (1, 0, 0, 0, 1, 0), white_border: false, stain_scale: (1, 1, 1), stain_shift: (0, 0, 0),
                hematoxylin: (1, 0, 0), eosin: (0, 1, 0),
                illumination: (1, 1, 1), brightness: 1, contrast: 1, saturation: 1, hue: 0,
                color_order: (0, 1, 2, 3), blur_sigma: 0, sharpening: 0, noise_sigma: 0, noise_seed: 0, jpeg_quality: 0)
        }

        /// Status for two tiles, the second with `augmentation`.
        private func status(
            _ augmentation: ck_augmentation? = nil, _ d: ck_windows? = nil, threads: Int32 = 2, scratchLess: Int = 0,
            null: Int? = nil
        ) -> ck_status {
            var d = d ?? windows
            var valid = windows
            let augmentations = [identity, augmentation ?? identity]
            let (offsets, bytes) = ([0, 36] as [Int64], [UInt8](repeating: 9, count: 72))
            var pixels = [UInt8](repeating: 0, count: 72)
            let needed = ck_augment_scratch(&valid, 2)
            var scratch = [Float](repeating: 0, count: needed)
            func argument<T>(_ index: Int, _ pointer: T) -> T? { null == index ? nil : pointer }
            return pixels.withUnsafeMutableBufferPointer { pixels in
                scratch.withUnsafeMutableBufferPointer { scratch in
                    bytes.withUnsafeBufferPointer { bytes in
                        offsets.withUnsafeBufferPointer { offsets in
                            augmentations.withUnsafeBufferPointer { augmentations in
                                withUnsafePointer(to: &d) { d in
                                    ck_augment_windows(
                                        argument(0, pixels.baseAddress!), argument(1, bytes.baseAddress!),
                                        argument(2, offsets.baseAddress!), argument(3, augmentations.baseAddress!),
                                        argument(4, d), threads, argument(5, scratch.baseAddress!), needed - scratchLess
                                    )
                                }
                            }
                        }
                    }
                }
            }
        }

        @Test("null pointers, scratch and threads")
        func pointers() {
            #expect(status() == .ok)
            for index in 0..<6 { #expect(status(null: index) == .nullPointer, "pointer \(index)") }
            #expect(status(scratchLess: 1) == .scratchTooSmall)
            for threads: Int32 in [0, -1, 257, .min, .max] {
                #expect(status(threads: threads) == .badParameter, "\(threads) threads")
                var d = windows
                #expect(ck_augment_scratch(&d, threads) == 0)
            }
            #expect(ck_augment_scratch(nil, 1) == 0)
        }

        @Test("dimensions")
        func dimensions() {
            for path in [\ck_windows.n, \.h, \.w, \.row_stride] {
                for wrong: Int64 in [0, -1, .min] {
                    var d = windows
                    d[keyPath: path] = wrong
                    #expect(status(nil, d) == .badDimension, "\(path) is \(wrong)")
                    #expect(ck_augment_scratch(&d, 1) == 0)
                }
            }
            for path in [\ck_windows.h, \.w] {
                var d = windows
                d[keyPath: path] = 32769
                d.row_stride = 1 << 20
                #expect(status(nil, d) == .badDimension)
            }
            var d = windows
            d.row_stride = 11
            #expect(status(nil, d) == .badDimension)
        }

        @Test("numbers are checked against their ranges")
        func ranges() {
            typealias Path = WritableKeyPath<ck_augmentation, Float>
            let ranges: [(Path, Float, Float)] = [
                (\.inverse.0, -1024, 1024), (\.inverse.1, -1024, 1024), (\.inverse.2, -1_048_576, 1_048_576),
                (\.inverse.3, -1024, 1024), (\.inverse.4, -1024, 1024), (\.inverse.5, -1_048_576, 1_048_576),
                (\.stain_scale.0, 0, 16), (\.stain_scale.1, 0, 16), (\.stain_scale.2, 0, 16),
                (\.stain_shift.0, -4, 4), (\.stain_shift.1, -4, 4), (\.stain_shift.2, -4, 4),
                (\.illumination.0, 1.0 / 64, 64), (\.illumination.1, 1.0 / 64, 64), (\.illumination.2, 1.0 / 64, 64),
                (\.brightness, 0, 16), (\.contrast, 0, 16), (\.saturation, 0, 16), (\.hue, -0.5, 0.5),
                (\.blur_sigma, 0, 32), (\.sharpening, 0, 8), (\.noise_sigma, 0, 255),
            ]
            for (path, low, high) in ranges {
                for good in [low, high] {
                    var a = identity
                    a[keyPath: path] = good
                    #expect(status(a) == .ok, "\(path) is \(good)")
                }
                for bad in [low.nextDown, high.nextUp, .nan, .infinity, -.infinity] {
                    var a = identity
                    a[keyPath: path] = bad
                    #expect(status(a) == .badParameter, "\(path) is \(bad)")
                }
            }
            for bad in [(0, 0, 0), (2, 0, 0), (.nan, 1, 0), (0, .infinity, 0)] as [(Double, Double, Double)] {
                var a = identity
                a.eosin = bad
                #expect(status(a) == .badParameter, "eosin \(bad)")
            }
            for (quality, expected) in [(0, .ok), (1, .ok), (100, .ok), (-1, .badParameter), (101, .badParameter)]
                as [(Int32, ck_status)]
            {
                var a = identity
                a.jpeg_quality = quality
                #expect(status(a) == expected, "quality \(quality)")
            }
            for order in [(0, 1, 2, 2), (0, 1, 2, 4), (255, 1, 2, 3), (3, 3, 3, 3)] as [(UInt8, UInt8, UInt8, UInt8)] {
                var a = identity
                a.color_order = order
                #expect(status(a) == .badParameter, "\(order)")
            }
        }

        @Test("extreme numbers do not read or write out of bounds")
        func extremes() throws {
            let item = AugmentationCase(height: 5, width: 3, gap: 0)
            for sign in [-1.0, 1] {
                for isWhite in [false, true] {
                    var wild = TileAugmentation.moved(
                        sign * 1024, 1023.7, sign * 1_048_576, -1024, sign * 1000.1, -1_048_576)
                    wild.geometry.hasWhiteBorder = isWhite
                    wild.stain.scale = [16, 0, 16]
                    wild.stain.shift = [Float(4 * sign), -4, 4]
                    wild.illumination(64)
                    (wild.color.brightness, wild.color.contrast, wild.color.saturation) = (16, 16, 16)
                    (wild.blur, wild.noise, wild.jpegQuality) = (32, 255, 1)
                    wild.sharpening = isWhite ? 8 : 0
                    #expect(try item.run(item.bytes(231), [wild]).count == 45)
                }
            }
        }
    }
}

extension TileAugmentation {
    fileprivate mutating func illumination(_ factor: Float) { stain.illumination = SIMD3(repeating: factor) }
}
