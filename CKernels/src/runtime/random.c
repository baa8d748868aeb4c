#include "runtime/ck_internal.h"

ck_status ck_random_uniform(float *y, int64_t count, float low, float high, uint64_t seed) {
    if (!y)
        return CK_NULL_POINTER;
    if (count < 0)
        return CK_BAD_DIMENSION;
    if (!(low < high) || !isfinite(high - low))
        return CK_BAD_PARAMETER;
    double range = (double)high - (double)low;
    // Rounding to float can reach `high`, which is excluded.
    float largest = nextafterf(high, low);
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < count; i++) {
        double unit = (double)(ck_random_bits(seed, (uint64_t)i) >> 40) / 16777216.0;
        float value = (float)((double)low + range * unit);
        y[i] = value < high ? value : largest;
    }
    return CK_OK;
}
