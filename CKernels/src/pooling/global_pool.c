#include "pooling/ck_pooling.h"

static ck_status check(int64_t n, int64_t c, int64_t plane) {
    return n < 1 || c < 1 || plane < 1 ? CK_BAD_DIMENSION : CK_OK;
}

/// Index of the first maximum. NaN counts as larger than any number.
static int64_t argmax(const float *x, int64_t count) {
    int64_t best = 0;
    for (int64_t i = 1; i < count; i++)
        if (ck_exceeds(x[i], x[best]))
            best = i;
    return best;
}

ck_status ck_global_pool_forward(float *y, const float *x, int64_t n, int64_t c, int64_t plane, bool maximum) {
    if (!y || !x)
        return CK_NULL_POINTER;
    ck_status status = check(n, c, plane);
    if (status != CK_OK)
        return status;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t sample = 0; sample < n; sample++)
        for (int64_t channel = 0; channel < c; channel++) {
            const float *in = x + (sample * c + channel) * plane;
            double sum = 0;
            for (int64_t i = 0; i < plane; i++)
                sum += in[i];
            float *out = y + sample * (1 + maximum) * c + channel;
            out[0] = (float)(sum / (double)plane);
            if (maximum)
                out[c] = in[argmax(in, plane)];
        }
    return CK_OK;
}

ck_status ck_global_pool_backward(float *gx, const float *gy, const float *x, int64_t n, int64_t c, int64_t plane,
                                  bool maximum) {
    if (!gx || !gy || !x)
        return CK_NULL_POINTER;
    ck_status status = check(n, c, plane);
    if (status != CK_OK)
        return status;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t sample = 0; sample < n; sample++)
        for (int64_t channel = 0; channel < c; channel++) {
            int64_t at = (sample * c + channel) * plane;
            const float *out = gy + sample * (1 + maximum) * c + channel;
            float share = out[0] / (float)plane;
            for (int64_t i = at; i < at + plane; i++)
                gx[i] = share;
            if (maximum)
                gx[at + argmax(x + at, plane)] += out[c];
        }
    return CK_OK;
}
