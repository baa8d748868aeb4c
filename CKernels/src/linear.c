/// Dense layers as matrix products, cut along the inputs: the first dense layer of LeNet-5 has 403,680 of them, so
/// that its weights (136 MB) are read once and each piece of them, with the inputs it meets, stays in cache.
#include "ck_internal.h"

#include <cblas.h>

/// Inputs of a piece.
enum { CHUNK = 4096 };
/// Partial outputs are summed apart in this many groups at most, then reduced in order.
enum { GROUPS = 16 };

static int64_t chunks(int64_t i) {
    return ck_ceil_div(i, CHUNK);
}

static ck_status check(int64_t n, int64_t i, int64_t o) {
    return n < 1 || i < 1 || o < 1 ? CK_BAD_DIMENSION : CK_OK;
}

size_t ck_linear_scratch(int64_t n, int64_t i, int64_t o) {
    return check(n, i, o) == CK_OK ? (size_t)(ck_min(GROUPS, chunks(i)) * n * o) : 0;
}

ck_status ck_linear_forward(float *y, const float *x, const float *w, const float *b, int64_t n, int64_t i, int64_t o,
                            float *scratch, size_t scratch_count) {
    ck_status status = check(n, i, o);
    if (status != CK_OK)
        return status;
    if (!y || !x || !w || !scratch)
        return CK_NULL_POINTER;
    if (scratch_count < ck_linear_scratch(n, i, o))
        return CK_SCRATCH_TOO_SMALL;
    ck_use_serial_blas();
    int64_t groups = ck_min(GROUPS, chunks(i));
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < groups; group++) {
        int64_t first = group * chunks(i) / groups, last = (group + 1) * chunks(i) / groups;
        for (int64_t chunk = first; chunk < last; chunk++) {
            int64_t i0 = chunk * CHUNK;
            cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasTrans, (blasint)n, (blasint)o, (blasint)ck_min(CHUNK, i - i0),
                        1, x + i0, (blasint)i, w + i0, (blasint)i, chunk > first ? 1 : 0, scratch + group * n * o,
                        (blasint)o);
        }
    }
    for (int64_t e = 0; e < n * o; e++) {
        float sum = scratch[e];
        for (int64_t group = 1; group < groups; group++)
            sum += scratch[group * n * o + e];
        y[e] = sum + (b ? b[e % o] : 0);
    }
    return CK_OK;
}

ck_status ck_linear_backward_data(float *gx, const float *gy, const float *w, int64_t n, int64_t i, int64_t o) {
    ck_status status = check(n, i, o);
    if (status != CK_OK)
        return status;
    if (!gx || !gy || !w)
        return CK_NULL_POINTER;
    ck_use_serial_blas();
#pragma omp parallel for schedule(static)
    for (int64_t chunk = 0; chunk < chunks(i); chunk++) {
        int64_t i0 = chunk * CHUNK;
        cblas_sgemm(CblasRowMajor, CblasNoTrans, CblasNoTrans, (blasint)n, (blasint)ck_min(CHUNK, i - i0), (blasint)o,
                    1, gy, (blasint)o, w + i0, (blasint)i, 0, gx + i0, (blasint)i);
    }
    return CK_OK;
}

ck_status ck_linear_backward_weight(float *gw, float *gb, const float *gy, const float *x, int64_t n, int64_t i,
                                    int64_t o) {
    ck_status status = check(n, i, o);
    if (status != CK_OK)
        return status;
    if (!gw || !gy || !x)
        return CK_NULL_POINTER;
    ck_use_serial_blas();
#pragma omp parallel for schedule(static)
    for (int64_t chunk = 0; chunk < chunks(i); chunk++) {
        int64_t i0 = chunk * CHUNK;
        cblas_sgemm(CblasRowMajor, CblasTrans, CblasNoTrans, (blasint)o, (blasint)ck_min(CHUNK, i - i0), (blasint)n, 1,
                    gy, (blasint)o, x + i0, (blasint)i, 0, gw + i0, (blasint)i);
    }
    for (int64_t j = 0; j < o && gb; j++) {
        float sum = 0;
        for (int64_t m = 0; m < n; m++)
            sum += gy[m * o + j];
        gb[j] = sum;
    }
    return CK_OK;
}
