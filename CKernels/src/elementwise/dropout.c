#include "runtime/ck_internal.h"

ck_status ck_dropout(float *y, const float *x, int64_t count, float p, uint64_t seed) {
    if (!y || !x)
        return CK_NULL_POINTER;
    if (count < 0)
        return CK_BAD_DIMENSION;
    if (!(p >= 0 && p < 1))
        return CK_BAD_PARAMETER;
    float scale = 1 / (1 - p);
    uint64_t dropped = (uint64_t)((double)p * 16777216.0);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++)
        y[i] = ck_random_bits(seed, (uint64_t)i) >> 40 < dropped ? 0 : x[i] * scale;
    return CK_OK;
}
