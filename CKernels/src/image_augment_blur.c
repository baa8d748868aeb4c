#include "image_augment.h"

/// weights[0 ... radius]: a Gaussian's right half, the whole of it adding up to 1. Returns the radius.
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

static void add_pair(float *restrict out, const float *before, const float *after, float weight, int64_t count) {
    for (int64_t x = 0; x < count; x++)
        out[x] += weight * (before[x] + after[x]);
}

static void blur_row(float *restrict out, const float *centre, const float *weights, int64_t radius, int64_t w) {
    for (int64_t x = 0; x < w; x++)
        out[x] = weights[0] * centre[x];
    for (int64_t i = 1; i <= radius; i++)
        add_pair(out, centre - i, centre + i, weights[i], w);
}

void ck_blur_planes(const ck_augment_memory *memory, const ck_windows *d, float sigma) {
    int64_t h = d->h, w = d->w;
    float weights[CK_BLUR_RADIUS + 1];
    int64_t radius = gaussian(weights, sigma);
    float *centre = memory->padded + radius;
    for (int c = 0; c < 3; c++) {
        float *plane = memory->planes + c * h * w;
        for (int64_t y = 0; y < h; y++) {
            memcpy(centre, plane + y * w, sizeof(float) * (size_t)w);
            for (int64_t i = 1; i <= radius; i++) {
                centre[-i] = centre[ck_mirror(-i, w)];
                centre[w - 1 + i] = centre[ck_mirror(w - 1 + i, w)];
            }
            blur_row(memory->half + y * w, centre, weights, radius, w);
        }
        for (int64_t y = 0; y < h; y++) {
            float *out = plane + y * w;
            for (int64_t x = 0; x < w; x++)
                out[x] = weights[0] * memory->half[y * w + x];
            for (int64_t i = 1; i <= radius; i++)
                add_pair(out, memory->half + ck_mirror(y - i, h) * w, memory->half + ck_mirror(y + i, h) * w,
                         weights[i], w);
        }
    }
}
