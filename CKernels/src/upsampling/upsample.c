#include "runtime/ck_internal.h"

static ck_status check(int64_t planes, int64_t h, int64_t w) {
    return planes < 1 || h < 1 || w < 1 ? CK_BAD_DIMENSION : CK_OK;
}

ck_status ck_upsample_add_forward(float *y, const float *skip, const float *x, int64_t planes, int64_t h, int64_t w) {
    if (!y || !skip || !x)
        return CK_NULL_POINTER;
    ck_status status = check(planes, h, w);
    if (status != CK_OK)
        return status;
    int64_t coarse_h = ck_ceil_div(h, 2), coarse_w = ck_ceil_div(w, 2);
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t plane = 0; plane < planes; plane++)
        for (int64_t row = 0; row < h; row++) {
            const float *coarse = x + (plane * coarse_h + row / 2) * coarse_w;
            const float *fine = skip + (plane * h + row) * w;
            float *out = y + (plane * h + row) * w;
#pragma omp simd
            for (int64_t i = 0; i < w / 2; i++) {
                out[2 * i] = fine[2 * i] + coarse[i];
                out[2 * i + 1] = fine[2 * i + 1] + coarse[i];
            }
            if (w % 2 == 1)
                out[w - 1] = fine[w - 1] + coarse[coarse_w - 1];
        }
    return CK_OK;
}

ck_status ck_upsample_add_backward(float *gx, const float *gy, int64_t planes, int64_t h, int64_t w) {
    if (!gx || !gy)
        return CK_NULL_POINTER;
    ck_status status = check(planes, h, w);
    if (status != CK_OK)
        return status;
    int64_t coarse_h = ck_ceil_div(h, 2), coarse_w = ck_ceil_div(w, 2);
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t plane = 0; plane < planes; plane++)
        for (int64_t row = 0; row < coarse_h; row++) {
            float *out = gx + (plane * coarse_h + row) * coarse_w;
            const float *upper = gy + (plane * h + 2 * row) * w;
            if (2 * row + 1 < h) {
                const float *lower = upper + w;
#pragma omp simd
                for (int64_t i = 0; i < w / 2; i++)
                    out[i] = (upper[2 * i] + upper[2 * i + 1]) + (lower[2 * i] + lower[2 * i + 1]);
                if (w % 2 == 1)
                    out[coarse_w - 1] = upper[w - 1] + lower[w - 1];
            } else {
#pragma omp simd
                for (int64_t i = 0; i < w / 2; i++)
                    out[i] = upper[2 * i] + upper[2 * i + 1];
                if (w % 2 == 1)
                    out[coarse_w - 1] = upper[w - 1];
            }
        }
    return CK_OK;
}

/// Copies pixels between an image of half the size with four channels for each channel of the other, and that one.
static ck_status shuffle(float *fine, float *coarse, bool is_forward, int64_t planes, int64_t h, int64_t w) {
    if (!fine || !coarse)
        return CK_NULL_POINTER;
    ck_status status = check(planes, h, w);
    if (status != CK_OK)
        return status;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t plane = 0; plane < planes; plane++)
        for (int64_t row = 0; row < 2 * h; row++) {
            float *line = fine + (plane * 2 * h + row) * 2 * w;
            float *left = coarse + ((plane * 4 + row % 2 * 2) * h + row / 2) * w;
            float *right = left + h * w;
            if (is_forward) {
#pragma omp simd
                for (int64_t i = 0; i < w; i++) {
                    line[2 * i] = left[i];
                    line[2 * i + 1] = right[i];
                }
            } else {
#pragma omp simd
                for (int64_t i = 0; i < w; i++) {
                    left[i] = line[2 * i];
                    right[i] = line[2 * i + 1];
                }
            }
        }
    return CK_OK;
}

ck_status ck_pixel_shuffle_forward(float *y, const float *x, int64_t planes, int64_t h, int64_t w) {
    return shuffle(y, (float *)x, true, planes, h, w);
}

ck_status ck_pixel_shuffle_backward(float *gx, const float *gy, int64_t planes, int64_t h, int64_t w) {
    return shuffle((float *)gy, gx, false, planes, h, w);
}
