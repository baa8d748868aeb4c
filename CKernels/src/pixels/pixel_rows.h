/// Softmax of rows of pixels, in plain C. Included once for each instruction set.
#include "pixels/ck_pixel_rows.h"

/// e to the power of x, for x of at most 0, within 2 units in the last place. 0 below -87; NaN for NaN.
static inline float exponential(float x) {
    // 1.5 * 2^23: a sum with it is rounded to a whole number, which is in the lowest bits.
    const float rounding = 12582912;
    float rounded = x * 1.44269504f + rounding;
    float n = rounded - rounding;
    // The logarithm of 2 in two parts: products with the first are exact.
    float r = x - n * 0.693359375f + n * 2.12194440e-4f;
    // The Taylor polynomial.
    float p = 1 / 5040.0f;
    p = p * r + 1 / 720.0f;
    p = p * r + 1 / 120.0f;
    p = p * r + 1 / 24.0f;
    p = p * r + 1 / 6.0f;
    p = p * r + 0.5f;
    p = p * r * r + r + 1;
    uint32_t bits;
    memcpy(&bits, &rounded, sizeof bits);
    bits = (bits << 23) + 0x3f800000;
    float power;
    memcpy(&power, &bits, sizeof power);
    return x < -87 ? 0 : p * power;
}

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

static void classify_row(float *restrict interior, float *restrict nucleus, const float *restrict logits,
                         int64_t channel, int64_t count) {
    const float *odd = logits + channel;
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        pixel first = classify(logits[i], logits[4 * channel + i], logits[8 * channel + i]);
        pixel second = classify(odd[i], odd[4 * channel + i], odd[8 * channel + i]);
        interior[2 * i] = first.interior;
        interior[2 * i + 1] = second.interior;
        nucleus[2 * i] = first.nucleus;
        nucleus[2 * i + 1] = second.nucleus;
    }
}
