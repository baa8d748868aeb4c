import Tensors
import TestSupport
import Testing

extension KernelTests {
    @Suite struct AugmentationTests {
        /// A byte is the rounded reference, within the rounding error of floats.
        private static let byte = Tolerance(absolute: 0.501)

        private func sweepTiles(
            _ seed: UInt64, _ tolerance: Tolerance, _ augmentation: (UInt64) -> TileAugmentation,
            _ twin: (NaiveTile, TileAugmentation) -> NaiveTile
        ) throws {
            try sweep(AugmentationCase.swept, seed: seed) { item, seed in
                let bytes = item.bytes(seed)
                for variant in 0..<4 {
                    let augmentation = augmentation(seed &+ UInt64(variant) &* 7919)
                    let actual = try item.run(bytes, [augmentation]).map(Double.init)
                    let expected = twin(item.tile(bytes, 0), augmentation)
                    try compare("bytes", actual, expected.values, tolerance)
                }
            }
        }

        @Test("the identity gives the same bytes")
        func identity() throws {
            var cases = AugmentationCase.swept
            cases.append(AugmentationCase(height: 5, width: 6, offsets: [30, 0, 30, 7, 91]))
            try sweep(cases, seed: 201) { item, seed in
                let bytes = item.bytes(seed)
                let expected = item.offsets.indices.flatMap { item.tile(bytes, $0).values }
                let same = [TileAugmentation](repeating: TileAugmentation(), count: item.offsets.count)
                try compare("bytes", item.run(bytes, same).map(Double.init), expected, .exact)
            }
        }

        /// Expected values by index arithmetic, independent of the matrix.
        @Test("flips and quarter turns permute pixels exactly")
        func permutations() throws {
            try sweep([1, 2, 3, 8, 17], seed: 202) { side, seed in
                let last = Double(side - 1)
                let moves: [(String, TileAugmentation, (Int, Int) -> (Int, Int))] = [
                    ("left-right", .moved(-1, 0, last, 0, 1, 0), { ($0, side - 1 - $1) }),
                    ("upside down", .moved(1, 0, 0, 0, -1, last), { (side - 1 - $0, $1) }),
                    ("half turn", .moved(-1, 0, last, 0, -1, last), { (side - 1 - $0, side - 1 - $1) }),
                    ("turn", .moved(0, 1, 0, -1, 0, last), { (side - 1 - $1, $0) }),
                    ("turn back", .moved(0, -1, last, 1, 0, 0), { ($1, side - 1 - $0) }),
                    ("transposed", .moved(0, 1, 0, 1, 0, 0), { ($1, $0) }),
                ]
                let item = AugmentationCase(height: side, width: side)
                let bytes = item.bytes(seed)
                let tile = item.tile(bytes, 0)
                for (name, move, from) in moves {
                    let expected = (0..<side * side).flatMap { pixel -> [Double] in
                        let (row, column) = from(pixel / side, pixel % side)
                        return tile.at(row, column)
                    }
                    try compare(name, item.run(bytes, [move]).map(Double.init), expected, .exact)
                }
            }
        }

        @Test("shifts by whole pixels and turns of oblong tiles are exact, with mirrored or white borders")
        func shifts() throws {
            for isWhite in [false, true] {
                for (xx, xy, yx, yy) in [(1, 0, 0, 1), (0, 1, -1, 0), (-1, 0, 0, 1)]
                    as [(Double, Double, Double, Double)]
                {
                    try sweepTiles(
                        203, .exact,
                        {
                            let shift = Formula.integers(seed: $0, count: 2, below: 50)
                            var move = TileAugmentation.moved(
                                xx, xy, Double(shift[0] - 25), yx, yy, Double(shift[1] - 25))
                            move.geometry.hasWhiteBorder = isWhite
                            return move
                        }, { $0.moved($1.geometry) })
                }
            }
        }

        @Test("affine maps are one bilinear resampling, with mirrored or white borders", arguments: [false, true])
        func affine(_ isWhite: Bool) throws {
            // Neighboring bytes differ by up to 255, and coordinates have the rounding error of floats.
            try sweepTiles(
                204, Tolerance(absolute: 0.51),
                {
                    let u = Formula.values(seed: $0, count: 6, scale: 1.5).map(Double.init)
                    var move = TileAugmentation.moved(u[0], u[1], 20 * u[2], u[3], u[4], 20 * u[5])
                    move.geometry.hasWhiteBorder = isWhite
                    return move
                }, { $0.moved($1.geometry) })
        }

        @Test("stain and illumination")
        func stain() throws {
            try sweepTiles(
                205, Self.byte,
                {
                    var result = TileAugmentation()
                    result.stain = .drawn(Formula.values(seed: $0, count: 8)[...])
                    return result
                }, { $0.stained($1.stain) })
        }

        @Test("a neutral stain step through densities gives the same bytes")
        func stainIdentity() throws {
            let item = AugmentationCase(height: 16, width: 16)
            let bytes = item.bytes(206)
            var almost = TileAugmentation()
            almost.stain.shift[2] = 1e-9
            try compare("bytes", item.run(bytes, [almost]).map(Double.init), item.tile(bytes, 0).values, .exact)
        }

        @Test("each color step alone, and all in every order")
        func color() throws {
            let steps = TileAugmentation.Color.Step.allCases
            for only in steps {
                try sweepTiles(
                    207, Self.byte,
                    {
                        let drawn = TileAugmentation.Color.drawn(Formula.values(seed: $0, count: 4)[...], $0)
                        var result = TileAugmentation()
                        switch only {
                        case .brightness: result.color.brightness = drawn.brightness
                        case .contrast: result.color.contrast = drawn.contrast
                        case .saturation: result.color.saturation = drawn.saturation
                        case .hue: result.color.hue = drawn.hue
                        }
                        return result
                    }, { $0.colored($1.color) })
            }
            let item = AugmentationCase(height: 9, width: 14)
            let orders = steps.flatMap { a in
                steps.flatMap { b in steps.flatMap { c in steps.map { [a, b, c, $0] } } }
            }.filter { Set($0).count == 4 }
            #expect(orders.count == 24)
            try sweep(orders, seed: 208) { order, seed in
                let bytes = item.bytes(seed)
                var result = TileAugmentation()
                result.color = .drawn(Formula.values(seed: seed, count: 4)[...], seed)
                result.color.order = order
                let actual = try item.run(bytes, [result]).map(Double.init)
                try compare("bytes", actual, item.tile(bytes, 0).colored(result.color).values, Self.byte)
            }
        }

        @Test("blur, also wider than the tile", arguments: [0.3, 1, 2.5, 9] as [Float])
        func blur(_ sigma: Float) throws {
            try sweepTiles(
                209, Self.byte,
                { _ in
                    var result = TileAugmentation()
                    result.blur = sigma
                    return result
                }, { $0.blurred($1.blur) })
        }

        @Test("sharpening", arguments: [0.7, 1.5, 9] as [Float])
        func sharpening(_ sigma: Float) throws {
            try sweepTiles(
                211, Self.byte,
                { seed in
                    var result = TileAugmentation()
                    (result.blur, result.sharpening) = (sigma, 0.3 + Float(seed % 4))
                    return result
                }, { $0.filtered($1) })
        }

        @Test("noise")
        func noise() throws {
            try sweepTiles(
                210, Self.byte,
                {
                    var result = TileAugmentation()
                    (result.noise, result.noiseSeed) = (20, $0)
                    return result
                }, { $0.noisy($1.noise, seed: $1.noiseSeed) })
        }

        @Test("JPEG of any size", arguments: [1, 20, 50, 75, 100])
        func jpeg(_ quality: Int) throws {
            var (ambiguous, all) = (0, 0)
            try sweep(AugmentationCase.swept, seed: 211) { item, seed in
                let bytes = item.bytes(seed)
                var result = TileAugmentation()
                result.jpegQuality = quality
                let actual = try item.run(bytes, [result]).map(Double.init)
                let expected = item.tile(bytes, 0).compressed(quality: quality)
                let certain = actual.indices.filter { !expected.isAmbiguous[$0 / 3] }
                try compare(
                    "bytes", certain.map { actual[$0] }, certain.map { expected.tile.values[$0] }, Self.byte)
                (ambiguous, all) = (ambiguous + actual.count - certain.count, all + actual.count)
            }
            #expect(ambiguous * 4 <= all, "\(ambiguous) of \(all) bytes are ambiguous")
        }

        @Test("all steps together, in the order of the contract")
        func everything() throws {
            try sweep(AugmentationCase.swept, seed: 212) { item, seed in
                var item = item
                item.offsets = [0, 31, 4]
                let bytes = item.bytes(seed)
                var augmentations = (0..<3).map { TileAugmentation.everything(seed &+ $0) }
                // Quantization steps of up to 255 would hide errors; JPEG is tested separately.
                for n in 0..<3 { augmentations[n].jpegQuality = 0 }
                let actual = try item.run(bytes, augmentations, threads: 2).map(Double.init)
                let expected = augmentations.indices.flatMap { n in
                    let a = augmentations[n]
                    return item.tile(bytes, n).moved(a.geometry).rounded.stained(a.stain).colored(a.color)
                        .filtered(a).noisy(a.noise, seed: a.noiseSeed).values
                }
                // A rounding difference of the geometric step is amplified by later steps.
                try compare("bytes", actual, expected, Tolerance(absolute: 4))
                let distance = zip(actual, expected).reduce(0) { $0 + ($1.0 - $1.1).magnitude }
                try compare("mean distance", [distance / Double(actual.count)], [0], Tolerance(absolute: 0.4))
            }
        }

        @Test("the same bytes for any number of threads")
        func threads() throws {
            let item = AugmentationCase(height: 40, width: 52, offsets: (0..<7).map { Int64($0 * 13) })
            let bytes = item.bytes(213)
            let augmentations = (0..<7).map { TileAugmentation.everything(UInt64($0)) }
            let expected = try item.run(bytes, augmentations)
            for threads in [2, 3, 8, 256, 2] {
                #expect(try item.run(bytes, augmentations, threads: threads) == expected, "\(threads) threads")
            }
            for n in 0..<7 {
                let alone = AugmentationCase(height: 40, width: 52, offsets: [item.offsets[n]])
                let part = expected[n * item.tileBytes..<(n + 1) * item.tileBytes]
                #expect(try alone.run(bytes, [augmentations[n]]) == Array(part), "tile \(n) alone")
            }
        }

        @Test("the comparison with the reference can fail")
        func comparisonCanFail() throws {
            let item = AugmentationCase(height: 12, width: 10)
            let bytes = item.bytes(214)
            let tile = item.tile(bytes, 0)
            var other = TileAugmentation.everything(3)
            let steps: [NaiveTile] = [
                tile.moved(other.geometry), tile.stained(other.stain), tile.colored(other.color), tile.blurred(1),
                tile.noisy(5, seed: 1), tile.compressed(quality: 50).tile,
            ]
            for step in steps {
                #expect(throws: Mismatch.self) { try compare("step", step.values, tile.values, Self.byte) }
            }
            other.stain = TileAugmentation.Stain()
            #expect(try item.run(bytes, [other]) != item.run(bytes, [.everything(3)]))
        }
    }
}
