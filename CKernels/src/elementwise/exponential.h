/// Exponential and logarithm that compilers vectorize, in plain C. Included once for each instruction set.
#include "runtime/ck_internal.h"

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

/// The natural logarithm of x, for x of at least 1, within 2 units in the last place of the larger of 1 and the result.
/// NaN for NaN.
static inline float logarithm(float x) {
    uint32_t bits;
    memcpy(&bits, &x, sizeof bits);
    // x = 2^n * m, with m from sqrt(1/2), whose bits these are, to sqrt(2).
    int32_t n = (int32_t)(bits - 0x3f3504f3) >> 23;
    bits -= (uint32_t)n << 23;
    float m;
    memcpy(&m, &bits, sizeof m);
    // log(m) = 2 artanh(s), by the series of artanh.
    float s = (m - 1) / (m + 1), square = s * s;
    float p = 1 / 9.0f;
    p = p * square + 1 / 7.0f;
    p = p * square + 1 / 5.0f;
    p = p * square + 1 / 3.0f;
    p = p * square + 1;
    float result = (float)n * 0.693147181f + 2 * s * p;
    return x == x ? result : x;
}
