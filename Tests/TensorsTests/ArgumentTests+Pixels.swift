import CKernels
import Testing

extension KernelTests.ArgumentTests {
    @Test("upsampling and pixel shuffle: null pointers and dimensions")
    func upsampling() {
        withFloats(2048) { m in
            let (y, skip, x) = (m, m + 512, m + 1024)
            #expect(ck_upsample_add_forward(y, skip, x, 2, 4, 5) == .ok)
            #expect(ck_upsample_add_forward(nil, skip, x, 2, 4, 5) == .nullPointer)
            #expect(ck_upsample_add_forward(y, nil, x, 2, 4, 5) == .nullPointer)
            #expect(ck_upsample_add_forward(y, skip, nil, 2, 4, 5) == .nullPointer)
            #expect(ck_upsample_add_backward(x, y, 2, 4, 5) == .ok)
            #expect(ck_upsample_add_backward(nil, y, 2, 4, 5) == .nullPointer)
            #expect(ck_upsample_add_backward(x, nil, 2, 4, 5) == .nullPointer)
            #expect(ck_pixel_shuffle_forward(y, x, 2, 4, 5) == .ok)
            #expect(ck_pixel_shuffle_forward(nil, x, 2, 4, 5) == .nullPointer)
            #expect(ck_pixel_shuffle_backward(x, nil, 2, 4, 5) == .nullPointer)
            for (planes, h, w) in [(0, 4, 5), (2, 0, 5), (2, 4, 0), (-1, 4, 5), (2, 4, -5)] as [(Int64, Int64, Int64)] {
                #expect(ck_upsample_add_forward(y, skip, x, planes, h, w) == .badDimension)
                #expect(ck_upsample_add_backward(x, y, planes, h, w) == .badDimension)
                #expect(ck_pixel_shuffle_forward(y, x, planes, h, w) == .badDimension)
                #expect(ck_pixel_shuffle_backward(x, y, planes, h, w) == .badDimension)
            }
        }
    }

    @Test("loss and scores of pixels: null pointers, dimensions, scratch, weights and targets")
    func pixels() {
        withFloats(2048) { m in
            let (logits, gradient, scratch) = (m, m + 512, m + 1024)
            let valid = ck_pixel_loss(
                n: 2, plane: 6, top: 3, class_weights: (1, 1, 2), dice_weight: 1, any_weight: 0.25,
                absent_weight: 0.075)
            func status(
                _ change: (inout ck_pixel_loss) -> Void = { _ in }, classes: [UInt8] = .init(repeating: 2, count: 12),
                truth: [ck_pixel_truth] = [.classes, .any], scratchCount: Int = 12
            ) -> ck_status {
                var (d, sums) = (valid, [ck_pixel_sums](repeating: ck_pixel_sums(), count: 2))
                change(&d)
                let forward = ck_pixel_loss_forward(&sums, logits, classes, truth, &d, scratch, scratchCount)
                let backward = ck_pixel_loss_backward(
                    gradient, &sums, logits, classes, truth, &d, scratch, scratchCount)
                #expect(forward == backward)
                return forward
            }
            #expect(status() == .ok)
            for change in [{ $0.n = 0 }, { $0.plane = 0 }, { $0.top = 0 }, { $0.top = 7 }]
                as [(inout ck_pixel_loss) -> Void]
            {
                #expect(status(change) == .badDimension)
            }
            for change in [
                { $0.class_weights.1 = -1 }, { $0.class_weights.2 = .infinity }, { $0.dice_weight = .nan },
                { $0.any_weight = -0.5 }, { $0.absent_weight = .infinity },
            ] as [(inout ck_pixel_loss) -> Void] {
                #expect(status(change) == .badParameter)
            }
            #expect(status(scratchCount: 11) == .scratchTooSmall)
            #expect(status(classes: [0, 1, 2, 3, 255, 0, 0, 0, 0, 0, 0, 0]) == .badTarget)
            // Classes of other samples are not read.
            #expect(status(classes: [0, 1, 2, 255, 255, 0, 3, 4, 5, 6, 7, 8]) == .ok)
            var (d, sums) = (valid, ck_pixel_sums())
            #expect(ck_pixel_loss_forward(nil, logits, [], [], &d, scratch, 12) == .nullPointer)
            #expect(ck_pixel_loss_forward(&sums, nil, [], [], &d, scratch, 12) == .nullPointer)
            #expect(ck_pixel_loss_backward(nil, &sums, logits, [], [], &d, scratch, 12) == .nullPointer)
            var scores: [Float] = [0, 0]
            #expect(ck_pixel_scores(&scores, logits, nil, 0, 2, 6, 3, scratch, 12) == .ok)
            #expect(ck_pixel_scores(&scores, logits, gradient, 0.5, 2, 6, 3, scratch, 12) == .ok)
            #expect(ck_pixel_scores(nil, logits, nil, 0, 2, 6, 3, scratch, 12) == .nullPointer)
            #expect(ck_pixel_scores(&scores, logits, nil, 0, 2, 6, 7, scratch, 12) == .badDimension)
            #expect(ck_pixel_scores(&scores, logits, nil, 0, 2, 6, 3, scratch, 11) == .scratchTooSmall)
            var areFinite = false
            #expect(ck_pixel_probabilities(gradient, scratch, &areFinite, logits, 2, 3) == .ok)
            #expect(areFinite)
            #expect(ck_pixel_probabilities(nil, scratch, &areFinite, logits, 2, 3) == .nullPointer)
            #expect(ck_pixel_probabilities(gradient, nil, &areFinite, logits, 2, 3) == .nullPointer)
            #expect(ck_pixel_probabilities(gradient, scratch, nil, logits, 2, 3) == .nullPointer)
            #expect(ck_pixel_probabilities(gradient, scratch, &areFinite, logits, 0, 3) == .badDimension)
            #expect(ck_pixel_probabilities(gradient, scratch, &areFinite, logits, 2, -1) == .badDimension)
            #expect(ck_pixel_scores_scratch(2, 6) == 12 && ck_pixel_scores_scratch(0, 6) == 0)
        }
    }
}
