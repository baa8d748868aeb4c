/// Images in 16-bit fixed point from pixels, and their sums.
#include "fixed/fixed_variant.h"
#include "image/image_windows.h"
#include "runtime/instruction_set.h"

typedef struct pixel_values {
    uint16_t of[3][256];
} pixel_values;

static ck_status make_values(pixel_values *values, const float mean[3], const float deviation[3], float scale) {
    ck_status status = ck_check_statistics(mean, deviation);
    if (status == CK_OK && (!isfinite(scale) || !(scale > 0)))
        status = CK_BAD_PARAMETER;
    for (int c = 0; c < 3 && status == CK_OK; c++)
        for (int byte = 0; byte < 256; byte++) {
            double value = ((double)byte - (double)mean[c]) / (double)deviation[c] / (double)scale;
            values->of[c][byte] = (uint16_t)lrint(fmin(fmax(value, -CK_FIXED_LARGEST), CK_FIXED_LARGEST));
        }
    return status;
}

ck_status ck_fixed_normalize_windows(int16_t *y, const uint8_t *base, const int64_t *offsets, const float mean[3],
                                     const float deviation[3], float scale, const ck_windows *d) {
    pixel_values values;
    ck_status status = y ? ck_check_pixel_windows(base, offsets, d) : CK_NULL_POINTER;
    if (status == CK_OK)
        status = make_values(&values, mean, deviation, scale);
    if (status != CK_OK)
        return status;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t row = 0; row < d->h; row++) {
            const uint8_t *pixels = base + offsets[n] + row * d->row_stride;
            uint32_t *restrict out = (uint32_t *)y + (2 * n * d->h + row) * d->w;
            for (int64_t i = 0; i < d->w; i++) {
                out[i] = values.of[0][pixels[3 * i]] | (uint32_t)values.of[1][pixels[3 * i + 1]] << 16;
                out[d->h * d->w + i] = values.of[2][pixels[3 * i + 2]];
            }
        }
    return CK_OK;
}

ck_status ck_fixed_upsample_add(int16_t *y, const int16_t *skip, const int16_t *x, int64_t planes, int64_t h,
                                int64_t w) {
    if (!y || !skip || !x)
        return CK_NULL_POINTER;
    if (planes < 1 || h < 1 || w < 1)
        return CK_BAD_DIMENSION;
    ck_isa isa;
    ck_status status = ck_wanted_isa(&isa);
    if (status != CK_OK)
        return status;
    const ck_fixed_variant *variant = ck_fixed_variant_in_use();
    const int64_t coarse_h = ck_ceil_div(h, 2), coarse_w = ck_ceil_div(w, 2);
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t plane = 0; plane < planes; plane++)
        for (int64_t row = 0; row < h; row++)
            variant->upsample_add((int32_t *)y + (plane * h + row) * w, (const int32_t *)skip + (plane * h + row) * w,
                                  (const int32_t *)x + (plane * coarse_h + row / 2) * coarse_w, w);
    return CK_OK;
}
