#include "ck_internal.h"

enum { PAIRS = 64 };

/// -log(u) for 2^-25 <= u < 1: the exponent, and the series of artanh for the mantissa.
static inline float minus_log(float u) {
    int32_t bits;
    memcpy(&bits, &u, sizeof bits);
    // Mantissas from sqrt(1/2) to sqrt(2), where the series is short.
    int32_t exponent = (bits - 0x3F3504F3) >> 23;
    bits -= exponent * (1 << 23);
    float m;
    memcpy(&m, &bits, sizeof m);
    float z = (m - 1) / (m + 1), q = z * z;
    float series = 2 * z * (1 + q * (1.0f / 3 + q * (1.0f / 5 + q * (1.0f / 7 + q * (1.0f / 9)))));
    return -((float)exponent * 0.69314718f + series);
}

/// Box and Muller 1958, a pair from each element of the stream: 24 bits for the radius, 24 for the angle.
static void pairs(float *restrict out, int64_t first, uint64_t seed) {
    float u[PAIRS], turn[PAIRS];
    for (int i = 0; i < PAIRS; i++) {
        uint64_t bits = ck_random_bits(seed, (uint64_t)(first + i));
        u[i] = ((float)(int32_t)(bits >> 40) + 0.5f) / 16777216;
        turn[i] = (float)(int32_t)(bits >> 16 & 0xFFFFFF) / 16777216 - 0.5f;
    }
    for (int i = 0; i < PAIRS; i++) {
        // 24 bits and a half round up to 1 at the end of the range, whose logarithm is 0.
        float radius = sqrtf(2 * minus_log(u[i]));
        float a = turn[i] * 3.14159265f, q = a * a;
        float sine = a * (1 - q / 6 * (1 - q / 20 * (1 - q / 42 * (1 - q / 72 * (1 - q / 110)))));
        float cosine = 1 - q / 2 * (1 - q / 12 * (1 - q / 30 * (1 - q / 56 * (1 - q / 90 * (1 - q / 132)))));
        out[2 * i] = radius * (1 - 2 * sine * sine);
        out[2 * i + 1] = radius * 2 * sine * cosine;
    }
}

void ck_normal_numbers(float *out, int64_t first, int64_t count, uint64_t seed) {
    float block[2 * PAIRS];
    for (int64_t done = 0; done < count;) {
        int64_t at = first + done, skipped = at % (2 * PAIRS), taken = ck_min(2 * PAIRS - skipped, count - done);
        pairs(block, at / (2 * PAIRS) * PAIRS, seed);
        memcpy(out + done, block + skipped, sizeof(float) * (size_t)taken);
        done += taken;
    }
}
