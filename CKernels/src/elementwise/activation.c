#include "runtime/ck_internal.h"

ck_status ck_relu_forward(float *y, const float *x, int64_t count) {
    if (!y || !x)
        return CK_NULL_POINTER;
    if (count < 0)
        return CK_BAD_DIMENSION;
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++)
        y[i] = x[i] <= 0 ? 0 : x[i];
    return CK_OK;
}

ck_status ck_relu_backward(float *gx, const float *gy, const float *y, int64_t count) {
    if (!gx || !gy || !y)
        return CK_NULL_POINTER;
    if (count < 0)
        return CK_BAD_DIMENSION;
#pragma omp parallel for simd schedule(static)
    for (int64_t i = 0; i < count; i++) {
        // An unconditional load lets the loop vectorize.
        float g = gy[i];
        gx[i] = y[i] <= 0 ? 0 : g;
    }
    return CK_OK;
}
