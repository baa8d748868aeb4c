import CKernels
import Tensors
import TestSupport
import Testing

extension KernelTests {
    @Suite struct MapMotionTests {
        /// Output of the kernel. Throws when it wrote outside its output.
        private func moved(
            _ source: [UInt8], _ height: Int, _ width: Int, _ move: TileAugmentation, outside: UInt8 = 9
        ) throws -> [UInt8] {
            let (count, margin) = (height * width, 32)
            var output = [UInt8](repeating: 0xA5, count: count + 2 * margin)
            try output.withUnsafeMutableBytes { output in
                var part = UnsafeMutableRawBufferPointer(rebasing: output[margin..<margin + count]).mutableBytes
                try Kernels.moveMap(
                    &part, source.span.bytes, height: height, width: width, move.geometry, outside: outside)
            }
            let surroundings = output[..<margin] + output[(margin + count)...]
            guard surroundings.allSatisfy({ $0 == 0xA5 }) else { throw Mismatch.outside }
            return Array(output[margin..<margin + count])
        }

        /// The nearest pixels in double precision; nil where rounding errors of floats decide.
        private func naive(
            _ source: [UInt8], _ height: Int, _ width: Int, _ g: TileAugmentation.Geometry, outside: UInt8
        ) -> [UInt8?] {
            (0..<height * width).map { index in
                let (x, y) = (Double(index % width), Double(index / width))
                let at = [g.xx * x + g.xy * y + g.x0 + 0.5, g.yx * x + g.yy * y + g.y0 + 0.5]
                if at.contains(where: { ($0 - $0.rounded()).magnitude < 1e-3 }) { return nil }
                let (column, row) = (Int(at[0].rounded(.down)), Int(at[1].rounded(.down)))
                if g.hasWhiteBorder, !(0..<width ~= column && 0..<height ~= row) { return outside }
                return source[NaiveTile.bounced(row, height) * width + NaiveTile.bounced(column, width)]
            }
        }

        @Test("affine maps take the nearest pixel, with mirrored or white borders", arguments: [false, true])
        func affine(_ isWhite: Bool) throws {
            try sweep(AugmentationCase.sizes, seed: 301) { size, seed in
                let source = (0..<size.0 * size.1).map { UInt8(truncatingIfNeeded: Formula.bits(seed, $0)) }
                for variant in 0..<4 {
                    let u = Formula.values(seed: seed &+ UInt64(variant), count: 6, scale: 1.5).map(Double.init)
                    var move = TileAugmentation.moved(u[0], u[1], 20 * u[2], u[3], u[4], 20 * u[5])
                    move.geometry.hasWhiteBorder = isWhite
                    let actual = try moved(source, size.0, size.1, move)
                    let expected = naive(source, size.0, size.1, move.geometry, outside: 9)
                    let certain = expected.indices.filter { expected[$0] != nil }
                    try compare(
                        "map", certain.map { Double(actual[$0]) }, certain.map { Double(expected[$0]!) }, .exact)
                    // Few pixels are left out, except of very small images.
                    #expect(certain.count * 10 >= expected.count * 9 || expected.count < 20)
                }
            }
        }

        @Test("flips, quarter turns and whole shifts move maps exactly like pixels", arguments: [false, true])
        func permutations(_ isWhite: Bool) throws {
            try sweep([1, 2, 5, 8, 17], seed: 302) { side, seed in
                let last = Double(side - 1)
                for (xx, xy, x0, yx, yy, y0) in [
                    (-1, 0, last, 0, 1, 0), (1, 0, 0, 0, -1, last), (0, 1, 0, -1, 0, last), (0, -1, last, 1, 0, 0),
                    (1, 0, 3, 0, 1, -4), (0, 1, -7, 1, 0, 2),
                ] as [(Double, Double, Double, Double, Double, Double)] {
                    var move = TileAugmentation.moved(xx, xy, x0, yx, yy, y0)
                    move.geometry.hasWhiteBorder = isWhite
                    let source = (0..<side * side).map { UInt8(truncatingIfNeeded: Formula.bits(seed, $0)) }
                    var item = AugmentationCase(height: side, width: side, offsets: [0])
                    item.gap = 0
                    let pixels = try item.run(source.flatMap { [$0, $0, $0] }, [move])
                    let map = try moved(source, side, side, move, outside: 255)
                    #expect(stride(from: 0, to: pixels.count, by: 3).map { pixels[$0] } == map)
                }
            }
        }

        /// An image that shows the map: where interpolation leaves black or white, the map must have that class.
        @Test("maps move like the pixels of an image that shows them", arguments: [false, true])
        func agreement(_ isWhite: Bool) throws {
            let side = 64
            let source = (0..<side * side).map { index -> UInt8 in
                let (x, y) = (index % side, index / side)
                return [(20, 14), (48, 40), (10, 55)].contains { (x - $0) * (x - $0) + (y - $1) * (y - $1) < 90 }
                    ? 1 : 0
            }
            // Nuclei are black; the border of a white image counts as background.
            let image = source.flatMap { [UInt8](repeating: $0 == 1 ? 0 : 255, count: 3) }
            var item = AugmentationCase(height: side, width: side, offsets: [0])
            item.gap = 0
            try sweep(Array(0..<20), seed: 303) { _, seed in
                let u = Formula.values(seed: seed, count: 6).map(Double.init)
                var move = TileAugmentation.moved(
                    1 + u[0] / 3, u[1] / 2, 12 * u[2], u[3] / 2, 1 + u[4] / 3, 12 * u[5])
                move.geometry.hasWhiteBorder = isWhite
                let pixels = try item.run(image, [move])
                let map = try moved(source, side, side, move, outside: 0)
                let clear = map.indices.filter { [0, 255].contains(pixels[3 * $0]) }
                #expect(clear.allSatisfy { (pixels[3 * $0] == 0) == (map[$0] == 1) })
                #expect(clear.count > 3 * side * side / 4 && map.contains(1))
            }
        }

        @Test("invalid arguments are rejected, and nothing is written")
        func refusals() {
            let source = [UInt8](repeating: 1, count: 12)
            var map = [UInt8](repeating: 7, count: 12)
            let identity: [Float] = [1, 0, 0, 0, 1, 0]
            #expect(ck_move_map(nil, source, identity, false, 0, 3, 4) == .nullPointer)
            #expect(ck_move_map(&map, nil, identity, false, 0, 3, 4) == .nullPointer)
            #expect(ck_move_map(&map, source, nil, false, 0, 3, 4) == .nullPointer)
            for (h, w) in [(0, 4), (3, 0), (-1, 4), (3, -1), (32769, 4), (3, 32769)] as [(Int64, Int64)] {
                #expect(ck_move_map(&map, source, identity, false, 0, h, w) == .badDimension, "\(h) \(w)")
            }
            for entry in 0..<6 {
                for value in [Float.nan, .infinity, -.infinity, 1_048_577] {
                    var inverse = identity
                    inverse[entry] = value
                    #expect(ck_move_map(&map, source, inverse, true, 0, 3, 4) == .badParameter, "\(entry) \(value)")
                }
            }
            #expect(map.allSatisfy { $0 == 7 })
            #expect(ck_move_map(&map, source, identity, true, 0, 3, 4) == .ok && map == source)
            // The farthest coordinates stay within the source.
            for inverse: [Float] in [[1024, 1024, 1_048_576, -1024, -1024, -1_048_576]] {
                #expect(ck_move_map(&map, source, inverse, false, 0, 3, 4) == .ok && map == source)
            }
        }
    }
}
