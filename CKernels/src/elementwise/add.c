#include "runtime/ck_internal.h"

ck_status ck_add(float *y, const float *a, const float *b, int64_t count, bool relu) {
    if (!y || !a || !b)
        return CK_NULL_POINTER;
    if (count < 0)
        return CK_BAD_DIMENSION;
    if (relu) {
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < count; i++) {
            float sum = a[i] + b[i];
            y[i] = sum <= 0 ? 0 : sum;
        }
    } else {
#pragma omp parallel for simd schedule(static)
        for (int64_t i = 0; i < count; i++)
            y[i] = a[i] + b[i];
    }
    return CK_OK;
}
