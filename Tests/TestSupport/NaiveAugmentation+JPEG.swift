import Foundation

extension NaiveTile {
    /// JPEG round trip without chroma subsampling, by the formulas of ITU-T T.81, A.3.3. A pixel is ambiguous when a
    /// coefficient of its block is half-way between two levels.
    package func compressed(quality: Int) -> (tile: NaiveTile, isAmbiguous: [Bool]) {
        let scale = quality < 50 ? 5000 / quality : 200 - 2 * quality
        let steps = [Self.luma, Self.chroma, Self.chroma].map {
            $0.map { Double(min(255, max(1, ($0 * scale + 50) / 100))) }
        }
        var result = self
        var isAmbiguous = [Bool](repeating: false, count: height * width)
        for top in stride(from: 0, to: height, by: 8) {
            for left in stride(from: 0, to: width, by: 8) {
                let pixels = (0..<64).map { at(min(top + $0 / 8, height - 1), min(left + $0 % 8, width - 1)) }
                let blocks = (0..<3).map { c in
                    Self.quantized(pixels.map { Self.toYCC($0)[c] }, steps[c])
                }
                for i in 0..<64 where top + i / 8 < height && left + i % 8 < width {
                    let (y, cb, cr) = (blocks[0].pixels[i] + 128, blocks[1].pixels[i], blocks[2].pixels[i])
                    isAmbiguous[(top + i / 8) * width + left + i % 8] = blocks.contains { $0.isAmbiguous }
                    let color = [y + 1.402 * cr, y - 0.344136 * cb - 0.714136 * cr, y + 1.772 * cb]
                    for c in 0..<3 {
                        result.values[((top + i / 8) * width + left + i % 8) * 3 + c] = min(max(color[c], 0), 255)
                    }
                }
            }
        }
        return (result, isAmbiguous)
    }

    private static func toYCC(_ c: [Double]) -> [Double] {
        [
            0.299 * c[0] + 0.587 * c[1] + 0.114 * c[2] - 128, -0.168736 * c[0] - 0.331264 * c[1] + 0.5 * c[2],
            0.5 * c[0] - 0.418688 * c[1] - 0.081312 * c[2],
        ]
    }

    /// Value at pixel `i` of the basis function of coefficient `k`, both in rows of 8.
    private static func wave(_ k: Int, _ i: Int) -> Double {
        func along(_ frequency: Int, _ place: Int) -> Double {
            let norm = frequency == 0 ? 0.5.squareRoot() : 1
            return norm / 2 * cos(Double((2 * place + 1) * frequency) * .pi / 16)
        }
        return along(k / 8, i / 8) * along(k % 8, i % 8)
    }

    private static let waves: [Double] = (0..<4096).map { wave($0 / 64, $0 % 64) }

    private static func quantized(_ block: [Double], _ steps: [Double]) -> (pixels: [Double], isAmbiguous: Bool) {
        var result = [Double](repeating: 0, count: 64)
        var isAmbiguous = false
        for k in 0..<64 {
            var sum = 0.0
            for i in 0..<64 { sum += block[i] * waves[k * 64 + i] }
            let level = (sum / steps[k]).rounded() * steps[k]
            if (sum - level).magnitude > steps[k] / 2 - 3e-4 { isAmbiguous = true }
            for i in 0..<64 { result[i] += level * waves[k * 64 + i] }
        }
        return (result, isAmbiguous)
    }

    /// ITU-T T.81, tables K.1 and K.2.
    private static let luma = [
        16, 11, 10, 16, 24, 40, 51, 61,
        12, 12, 14, 19, 26, 58, 60, 55,
        14, 13, 16, 24, 40, 57, 69, 56,
        14, 17, 22, 29, 51, 87, 80, 62,
        18, 22, 37, 56, 68, 109, 103, 77,
        24, 35, 55, 64, 81, 104, 113, 92,
        49, 64, 78, 87, 103, 121, 120, 101,
        72, 92, 95, 98, 112, 100, 103, 99,
    ]
    private static let chroma = (0..<64).map { i -> Int in
        let corner = [[17, 18, 24, 47], [18, 21, 26, 66], [24, 26, 56, 99], [47, 66, 99, 99]]
        return i / 8 < 4 && i % 8 < 4 ? corner[i / 8][i % 8] : 99
    }
}
