import CKernels
import Tensors
import TestSupport
import Testing

extension KernelTests {
    /// Every step with every supported instruction set, at sizes around those of vectors, blocks and rows.
    @Suite struct AugmentationVariantTests {
        private static let byte = Tolerance(absolute: 0.501)

        private struct VariantCase: CustomStringConvertible {
            let isa: ck_isa
            let tile: AugmentationCase

            var description: String { "\(isa), \(tile)" }

            static let sizes = [
                (1, 1), (1, 2), (2, 3), (3, 1), (3, 2), (1, 255), (255, 1), (2, 15), (15, 3), (16, 16), (17, 15),
                (3, 31), (2, 32), (1, 33), (5, 47), (9, 63), (7, 64), (3, 65), (2, 255), (255, 17),
            ]
            static let all = ck_isa.available.flatMap { isa in
                sizes.map { VariantCase(isa: isa, tile: AugmentationCase(height: $0.0, width: $0.1)) }
            }

            func run(_ bytes: [UInt8], _ augmentation: TileAugmentation) throws -> [Double] {
                try isa.use { try tile.run(bytes, [augmentation]).map(Double.init) }
            }
        }

        private func sweepVariants(
            _ seed: UInt64, _ tolerance: Tolerance,
            _ augmentation: (UInt64) -> TileAugmentation, _ twin: (NaiveTile, TileAugmentation) -> NaiveTile
        ) throws {
            try sweep(VariantCase.all, seed: seed) { item, seed in
                let (bytes, augmentation) = (item.tile.bytes(seed), augmentation(seed))
                let expected = twin(item.tile.tile(bytes, 0), augmentation)
                try compare("bytes", item.run(bytes, augmentation), expected.values, tolerance)
            }
        }

        @Test("the portable variant is always available, and unsupported instruction sets are rejected")
        func choice() {
            defer { ck_set_isa(.any) }
            #expect(ck_isa.available.first == .portable)
            #expect(ck_set_isa(.any) == .ok)
            for isa in [ck_isa.portable, .avx2, .avx512] where !ck_isa.available.contains(isa) {
                #expect(ck_set_isa(isa) == .badParameter)
                #expect(ck_conv2d_set_algorithm(.any, isa) == .badParameter)
            }
        }

        @Test("shifts by whole pixels", arguments: [false, true])
        func permutations(_ isWhite: Bool) throws {
            let turns =
                [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, -1), (0, -1, 1, 0)] as [(Double, Double, Double, Double)]
            for (xx, xy, yx, yy) in turns {
                try sweepVariants(
                    301, .exact,
                    {
                        let shift = Formula.integers(seed: $0, count: 2, below: 9).map { Double($0 - 4) }
                        var move = TileAugmentation.moved(xx, xy, shift[0], yx, yy, shift[1])
                        move.geometry.hasWhiteBorder = isWhite
                        return move
                    }, { $0.moved($1.geometry) })
            }
        }

        @Test("affine maps", arguments: [false, true])
        func affine(_ isWhite: Bool) throws {
            try sweepVariants(
                302, Tolerance(absolute: 0.51),
                {
                    let u = Formula.values(seed: $0, count: 6, scale: 1.5).map(Double.init)
                    var move = TileAugmentation.moved(u[0], u[1], 20 * u[2], u[3], u[4], 20 * u[5])
                    move.geometry.hasWhiteBorder = isWhite
                    return move
                }, { $0.moved($1.geometry) })
        }

        @Test("stain and illumination")
        func stain() throws {
            try sweepVariants(
                303, Self.byte,
                {
                    var result = TileAugmentation()
                    result.stain = .drawn(Formula.values(seed: $0, count: 8)[...])
                    return result
                }, { $0.stained($1.stain) })
        }

        @Test("color steps in various orders")
        func color() throws {
            try sweepVariants(
                304, Self.byte,
                {
                    var result = TileAugmentation()
                    result.color = .drawn(Formula.values(seed: $0, count: 4)[...], $0)
                    return result
                }, { $0.colored($1.color) })
        }

        @Test("color steps at the ends of their ranges: gray, black, opposite hues")
        func extremes() throws {
            for (saturation, brightness, hue): (Float, Float, Float) in [(0, 1, 0.5), (1, 0, -0.5), (16, 16, 0.5)] {
                try sweepVariants(
                    305, Self.byte,
                    { _ in
                        var result = TileAugmentation()
                        (result.color.saturation, result.color.brightness) = (saturation, brightness)
                        result.color.hue = hue
                        return result
                    }, { $0.colored($1.color) })
            }
        }

        @Test("blur, sharpening and noise")
        func blurAndNoise() throws {
            try sweepVariants(
                306, Self.byte,
                {
                    var result = TileAugmentation()
                    result.blur = 0.3 + Float($0 % 5) / 2
                    result.sharpening = Float($0 % 3)
                    (result.noise, result.noiseSeed) = (6, $0)
                    return result
                }, { $0.filtered($1).noisy($1.noise, seed: $1.noiseSeed) })
        }

        @Test("JPEG", arguments: [10, 60, 95])
        func jpeg(_ quality: Int) throws {
            var (ambiguous, all) = (0, 0)
            try sweep(VariantCase.all, seed: 307) { item, seed in
                let bytes = item.tile.bytes(seed)
                var augmentation = TileAugmentation()
                augmentation.jpegQuality = quality
                let actual = try item.run(bytes, augmentation)
                let expected = item.tile.tile(bytes, 0).compressed(quality: quality)
                let certain = actual.indices.filter { !expected.isAmbiguous[$0 / 3] }
                try compare(
                    "bytes", certain.map { actual[$0] }, certain.map { expected.tile.values[$0] }, Self.byte)
                (ambiguous, all) = (ambiguous + actual.count - certain.count, all + actual.count)
            }
            #expect(ambiguous * 4 <= all, "\(ambiguous) of \(all) bytes are ambiguous")
        }

        @Test("variants with FMA give the same bytes and the portable one nearly, for any number of threads")
        func sameBytes() throws {
            let item = AugmentationCase(height: 67, width: 83, offsets: (0..<6).map { Int64($0 * 13) })
            let bytes = item.bytes(308)
            let augmentations = (0..<6).map { n in
                var augmentation = TileAugmentation.everything(UInt64(n))
                if n % 2 == 0 { augmentation.jpegQuality = 0 }
                return augmentation
            }
            var results: [ck_isa: [UInt8]] = [:]
            for isa in ck_isa.available {
                try isa.use {
                    let result = try item.run(bytes, augmentations)
                    for threads in [2, 3, 8] {
                        #expect(
                            try item.run(bytes, augmentations, threads: threads) == result, "\(isa), \(threads) threads"
                        )
                    }
                    results[isa] = result
                }
            }
            if let avx2 = results[.avx2], let avx512 = results[.avx512] { #expect(avx2 == avx512) }
            let portable = try #require(results[.portable])
            for result in results.values {
                let different = zip(result, portable).count { $0 != $1 }
                #expect(different * 1000 < portable.count, "\(different) of \(portable.count) bytes")
            }
        }

        @Test("normal random numbers with every instruction set")
        func normalNumbers() throws {
            for isa in ck_isa.available {
                let planes = Tensor([1, 3, 5, 131])
                var erasure = Erasure()
                (erasure.width, erasure.height, erasure.isNoise, erasure.seed) = (131, 5, true, 309)
                try isa.use { try Kernels.erase(planes, [erasure]) }
                let expected = (0..<3 * 5 * 131).map { NaiveTile.normal(309, $0) }
                try compare("\(isa)", planes.values, expected, Tolerance(absolute: 3e-6, relative: 1e-6))
            }
        }
    }
}
