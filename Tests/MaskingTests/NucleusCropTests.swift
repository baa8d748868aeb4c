import Foundation
import Foundations
import Imaging
import Masking
import TestSupport
import Testing

/// Annotated crops as probabilities: the blurred truth at half the resolution.
struct NucleusCropTests {
    /// Means of 2 x 2 pixels, smoothed twice by boxes of 3 x 3.
    private func sample(_ truth: RGBImage, _ picture: RGBImage) -> SampleImage {
        var sample = SampleImage(width: truth.width / 2, height: truth.height / 2)
        let (width, height) = (sample.width, sample.height)
        var values = [Float](repeating: 0, count: width * height)
        for y in 0..<height {
            for x in 0..<width {
                for channel in 0..<3 {
                    let sum = [(0, 0), (1, 0), (0, 1), (1, 1)].reduce(0) {
                        $0 + Int(picture.pixels[3 * ((2 * y + $1.1) * truth.width + 2 * x + $1.0) + channel])
                    }
                    sample.pixels[3 * (y * width + x) + channel] = UInt8(sum / 4)
                }
                let white = [(0, 0), (1, 0), (0, 1), (1, 1)].count {
                    truth.pixels[3 * ((2 * y + $0.1) * truth.width + 2 * x + $0.0)] > 127
                }
                values[y * width + x] = Float(white) / 4
            }
        }
        func blurred(_ values: [Float]) -> [Float] {
            values.indices.map { index in
                let (x, y) = (index % width, index / width)
                var (sum, count) = (Float(0), Float(0))
                for b in max(0, y - 1)...min(height - 1, y + 1) {
                    for a in max(0, x - 1)...min(width - 1, x + 1) {
                        sum += values[b * width + a]
                        count += 1
                    }
                }
                return sum / count
            }
        }
        let foreground = blurred(values)
        let deep = blurred(blurred(foreground)).map { max(0, min(1, 4 * $0 - 3)) }
        sample.interior = zip(foreground, deep).map { min($0, $1) }
        sample.boundary = zip(foreground, sample.interior).map { $0 - $1 }
        return sample
    }

    @Test(.enabled(if: RealImages.crops != nil, RealImages.missing))
    func theTruthIsFoundAgain() throws {
        let folder = try #require(RealImages.crops)
        for name in ["wsi_crop_1.jpg", "wsi_crop_9.png"] {
            let path = folder.appending(name)
            let truth = try RGBImage(decoding: folder.appending((path.stem ?? "") + "_truth.png"))
            let sample = try sample(truth, RGBImage(decoding: path))
            let (grid, blocks) = sample.blocks(margin: 64, scale: 2)
            var mask = [Bool](repeating: false, count: grid.width * grid.height)
            for nucleus in blocks.joined() { for place in nucleus.places(width: grid.width) { mask[place] = true } }
            var (both, sum) = (0, 0)
            for y in 0..<grid.height {
                for x in 0..<grid.width {
                    let isTrue = truth.pixels[3 * (y * truth.width + x)] > 127
                    let isFound = mask[y * grid.width + x]
                    both += isTrue && isFound ? 2 : 0
                    sum += (isTrue ? 1 : 0) + (isFound ? 1 : 0)
                }
            }
            let dice = Double(both) / Double(sum)
            // Connected nuclei are too large for one.
            #expect(dice > 0.89)
        }
    }
}
