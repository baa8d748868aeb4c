/// Normal random numbers. Included by image_augment_lanes.h. Scalar code that the compiler vectorizes.

/// -log(u) for 2^-25 <= u <= 1, from the exponent and the artanh series of the mantissa.
static inline float minus_log(float u) {
    int32_t bits;
    memcpy(&bits, &u, sizeof bits);
    // Mantissas from sqrt(1/2) to sqrt(2), where the series converges fast.
    int32_t exponent = (bits - 0x3F3504F3) >> 23;
    bits -= exponent * (1 << 23);
    float m;
    memcpy(&m, &bits, sizeof m);
    float z = (m - 1) / (m + 1), q = z * z;
    float series = 2 * z * (1 + q * (1.0f / 3 + q * (1.0f / 5 + q * (1.0f / 7 + q * (1.0f / 9)))));
    return -((float)exponent * 0.69314718f + series);
}

/// Box-Muller transform (1958): a pair from each element of the stream, with 24 bits for the radius and 24 for the
/// angle.
static void normal_pairs(float *restrict out, int64_t first, uint64_t seed) {
    float u[CK_NORMAL_PAIRS], turn[CK_NORMAL_PAIRS];
    for (int i = 0; i < CK_NORMAL_PAIRS; i++) {
        uint64_t bits = ck_random_bits(seed, (uint64_t)(first + i));
        u[i] = ((float)(int32_t)(bits >> 40) + 0.5f) * (1.0f / 16777216);
        turn[i] = (float)(int32_t)(bits >> 16 & 0xFFFFFF) * (1.0f / 16777216) - 0.5f;
    }
    for (int i = 0; i < CK_NORMAL_PAIRS; i++) {
        // The largest u rounds up to 1, whose logarithm is 0.
        float radius = sqrtf(2 * minus_log(u[i]));
        // Taylor series of the sine and cosine of half the angle.
        float a = turn[i] * 3.14159265f, q = a * a;
        float sine = 1.0f / 362880 + q * (-1.0f / 39916800);
        sine = a * (1 + q * (-1.0f / 6 + q * (1.0f / 120 + q * (-1.0f / 5040 + q * sine))));
        float cosine = -1.0f / 3628800 + q * (1.0f / 479001600);
        cosine = 1 + q * (-1.0f / 2 + q * (1.0f / 24 + q * (-1.0f / 720 + q * (1.0f / 40320 + q * cosine))));
        out[2 * i] = radius * (1 - 2 * sine * sine);
        out[2 * i + 1] = radius * 2 * sine * cosine;
    }
}
