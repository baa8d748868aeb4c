#include "image/image_augment.h"

/// weights[0 ... radius]: right half of a Gaussian kernel with sum 1. Returns the radius.
static int64_t gaussian(float *weights, float sigma) {
    int64_t radius = ck_min(CK_BLUR_RADIUS, ck_max(1, (int64_t)ceilf(3 * sigma)));
    double sum = 0, values[CK_BLUR_RADIUS + 1];
    for (int64_t i = 0; i <= radius; i++) {
        values[i] = exp(-0.5 * (double)(i * i) / ((double)sigma * (double)sigma));
        sum += i == 0 ? values[i] : 2 * values[i];
    }
    for (int64_t i = 0; i <= radius; i++)
        weights[i] = (float)(values[i] / sum);
    return radius;
}

void ck_blur_planes(const ck_augment_memory *memory, const ck_windows *d, float sigma, float sharpening,
                    const ck_augment_variant *variant) {
    int64_t h = d->h, w = d->w, pitch = memory->pitch;
    float weights[CK_BLUR_RADIUS + 1], *center = memory->padded + CK_BLUR_RADIUS;
    const float *before[CK_BLUR_RADIUS + 1], *after[CK_BLUR_RADIUS + 1];
    int64_t radius = gaussian(weights, sigma);
    for (int c = 0; c < 3; c++) {
        float *plane = memory->planes + c * memory->plane;
        for (int64_t i = 0; i <= radius; i++) {
            before[i] = center - i;
            after[i] = center + i;
        }
        for (int64_t y = 0; y < h; y++) {
            memcpy(center, plane + y * pitch, sizeof(float) * (size_t)w);
            for (int64_t i = 1; i <= radius; i++) {
                center[-i] = center[ck_mirror(-i, w)];
                center[w - 1 + i] = center[ck_mirror(w - 1 + i, w)];
            }
            variant->blur_row(memory->half + y * pitch, before, after, weights, radius, pitch);
        }
        for (int64_t y = 0; y < h; y++) {
            for (int64_t i = 0; i <= radius; i++) {
                before[i] = memory->half + ck_mirror(y - i, h) * pitch;
                after[i] = memory->half + ck_mirror(y + i, h) * pitch;
            }
            float *row = plane + y * pitch;
            if (sharpening > 0) {
                variant->blur_row(memory->padded, before, after, weights, radius, pitch);
                variant->sharpen_row(row, memory->padded, pitch, sharpening);
            } else {
                variant->blur_row(row, before, after, weights, radius, pitch);
            }
        }
    }
}
