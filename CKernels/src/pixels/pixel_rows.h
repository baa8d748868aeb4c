/// Softmax of rows of pixels, in plain C. Included once for each instruction set. Results are the same with all of
/// them.
#pragma clang fp contract(off)

#include "elementwise/exponential.h"
#include "pixels/ck_pixel_rows.h"

typedef struct pixel {
    float interior, nucleus;
} pixel;

static inline pixel classify(float background, float interior, float boundary) {
    float largest = background > interior ? background : interior;
    largest = largest > boundary ? largest : boundary;
    float e0 = exponential(background - largest);
    float e1 = exponential(interior - largest);
    float e2 = exponential(boundary - largest);
    float scale = 1 / (e0 + e1 + e2);
    return (pixel){e1 * scale, (e1 + e2) * scale};
}

static bool classify_row(float *restrict interior, float *restrict nucleus, const float *restrict logits,
                         int64_t channel, int64_t count) {
    const float *odd = logits + channel;
    // The product of a number that is not finite with 0 is NaN.
    float zeros = 0;
#pragma omp simd reduction(+ : zeros)
    for (int64_t i = 0; i < count; i++) {
        pixel first = classify(logits[i], logits[4 * channel + i], logits[8 * channel + i]);
        pixel second = classify(odd[i], odd[4 * channel + i], odd[8 * channel + i]);
        interior[2 * i] = first.interior;
        interior[2 * i + 1] = second.interior;
        nucleus[2 * i] = first.nucleus;
        nucleus[2 * i + 1] = second.nucleus;
        zeros += first.nucleus * 0 + second.nucleus * 0;
    }
    return zeros == 0;
}
