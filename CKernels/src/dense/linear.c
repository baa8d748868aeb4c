/// Dense layers, cut into chunks of inputs. The first dense layer of LeNet-5 has 403,680 inputs. Its weights (136 MB)
/// are read once, and a chunk of them stays in cache with its inputs. The gradient with respect to the weights is as
/// large; ck_linear_squared_norm and the optimizer steps by products do not store it.
#include "dense/ck_dense.h"

static int64_t chunks(int64_t i) {
    return ck_ceil_div(i, CK_DENSE_CHUNK);
}

static ck_status check(int64_t n, int64_t i, int64_t o) {
    return n < 1 || i < 1 || o < 1 ? CK_BAD_DIMENSION : CK_OK;
}

size_t ck_linear_scratch(int64_t n, int64_t i, int64_t o) {
    return check(n, i, o) == CK_OK ? (size_t)(ck_min(CK_DENSE_GROUPS, chunks(i)) * n * o * CK_DENSE_LANES) : 0;
}

void ck_add_dense_groups(float *sums, int64_t groups, int64_t count, int64_t lanes) {
    for (int64_t e = 0; e < count; e++) {
        float sum = 0;
        for (int64_t group = 0; group < groups; group++)
            for (int64_t lane = 0; lane < lanes; lane++)
                sum += sums[(group * count + e) * lanes + lane];
        // Overwrites sums that have been read already.
        sums[e] = sum;
    }
}

/// The dot products of all x[n] and w[o], written to the first n * o floats of the scratch.
static void dot_products(const ck_dense_variant *variant, const float *x, const float *w, int64_t n, int64_t i,
                         int64_t o, float *scratch) {
    const int64_t groups = ck_min(CK_DENSE_GROUPS, chunks(i)), lanes = variant->dots.lanes, each = n * o * lanes;
#pragma omp parallel for schedule(static)
    for (int64_t group = 0; group < groups; group++) {
        float *sums = scratch + group * each;
        memset(sums, 0, sizeof *sums * (size_t)each);
        for (int64_t chunk = group * chunks(i) / groups; chunk < (group + 1) * chunks(i) / groups; chunk++) {
            int64_t first = chunk * CK_DENSE_CHUNK;
            variant->dots.dot(sums, x + first, w + first, n, o, ck_min(CK_DENSE_CHUNK, i - first), i, i);
        }
    }
    ck_add_dense_groups(scratch, groups, n * o, lanes);
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
    const ck_dense_variant *variant = ck_dense_choose();
    if (!variant)
        return CK_BAD_PARAMETER;
    dot_products(variant, x, w, n, i, o, scratch);
    for (int64_t e = 0; e < n * o; e++)
        y[e] = scratch[e] + (b ? b[e % o] : 0);
    return CK_OK;
}

ck_status ck_linear_backward_data(float *gx, const float *gy, const float *w, int64_t n, int64_t i, int64_t o) {
    ck_status status = check(n, i, o);
    if (status != CK_OK)
        return status;
    if (!gx || !gy || !w)
        return CK_NULL_POINTER;
    const ck_dense_variant *variant = ck_dense_choose();
    if (!variant)
        return CK_BAD_PARAMETER;
#pragma omp parallel for schedule(static)
    for (int64_t chunk = 0; chunk < chunks(i); chunk++) {
        int64_t first = chunk * CK_DENSE_CHUNK;
        variant->backward_data(gx + first, gy, w + first, n, o, ck_min(CK_DENSE_CHUNK, i - first), i);
    }
    return CK_OK;
}

ck_status ck_linear_backward_weight(float *gw, float *gb, const float *gy, const float *x, int64_t n, int64_t i,
                                    int64_t o) {
    ck_status status = check(n, i, o);
    if (status != CK_OK)
        return status;
    if ((!gw && !gb) || !gy || !x)
        return CK_NULL_POINTER;
    const ck_dense_variant *variant = ck_dense_choose();
    if (!variant)
        return CK_BAD_PARAMETER;
#pragma omp parallel for schedule(static)
    for (int64_t chunk = 0; chunk < (gw ? chunks(i) : 0); chunk++) {
        int64_t first = chunk * CK_DENSE_CHUNK;
        variant->backward_weight(gw + first, gy, x + first, n, o, ck_min(CK_DENSE_CHUNK, i - first), i);
    }
    for (int64_t j = 0; j < o && gb; j++) {
        float sum = 0;
        for (int64_t m = 0; m < n; m++)
            sum += gy[m * o + j];
        gb[j] = sum;
    }
    return CK_OK;
}

ck_status ck_linear_squared_norm(double *norm2, const float *gy, const float *x, int64_t n, int64_t i, int64_t o,
                                 float *scratch, size_t scratch_count) {
    ck_status status = check(n, i, o);
    if (status != CK_OK)
        return status;
    if (!norm2 || !gy || !x || !scratch)
        return CK_NULL_POINTER;
    if (scratch_count < ck_linear_scratch(n, i, n))
        return CK_SCRATCH_TOO_SMALL;
    const ck_dense_variant *variant = ck_dense_choose();
    if (!variant)
        return CK_BAD_PARAMETER;
    dot_products(variant, x, x, n, i, n, scratch);
    double sum = 0;
    for (int64_t a = 0; a < n; a++)
        for (int64_t b = 0; b <= a; b++) {
            double product = 0;
            for (int64_t j = 0; j < o; j++)
                product += (double)gy[a * o + j] * (double)gy[b * o + j];
            sum += (a == b ? 1 : 2) * product * (double)scratch[a * n + b];
        }
    // Rounding may make the norm of a tiny gradient negative. NaN stays.
    *norm2 = sum < 0 ? 0 : sum;
    return CK_OK;
}
