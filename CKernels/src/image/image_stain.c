#include "image/image_stain.h"
#include "image/image_windows.h"
#include "runtime/instruction_set.h"

/// Density of a pixel of a row.
static inline float density_of(const uint8_t *pixel, const float *tables) {
    return tables[pixel[0]] + tables[256 + pixel[1]] + tables[512 + pixel[2]];
}

ck_status ck_stain_density(float *density, const uint8_t *base, const int64_t *offsets, const float tables[768],
                           const ck_windows *d) {
    ck_status status = density && tables ? ck_check_pixel_windows(base, offsets, d) : CK_NULL_POINTER;
    if (status != CK_OK)
        return status;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t y = 0; y < d->h; y++) {
            int64_t first = ck_max(y - 1, 0), last = ck_min(y + 1, d->h - 1);
            float *out = density + (n * d->h + y) * d->w;
            // Sums of the pixels above one another in the columns left of the pixel, of the pixel, and right of it.
            float left = 0, here = 0, right = 0;
            for (int64_t x = -1; x < d->w; x++) {
                left = here;
                here = right;
                right = 0;
                if (x + 1 < d->w)
                    for (int64_t row = first; row <= last; row++)
                        right += density_of(base + offsets[n] + row * d->row_stride + 3 * (x + 1), tables);
                if (x < 0)
                    continue;
                int64_t columns = ck_min(x + 1, d->w - 1) - ck_max(x - 1, 0) + 1;
                out[x] = (left + here + right) / (float)(columns * (last - first + 1));
            }
        }
    return CK_OK;
}

static const ck_stain_rows *choose(void) {
    if (ck_is_selected_isa(CK_ISA_AVX512) && ck_stain_rows_avx512)
        return ck_stain_rows_avx512;
    if (ck_is_selected_isa(CK_ISA_AVX2) && ck_stain_rows_avx2)
        return ck_stain_rows_avx2;
    return ck_stain_rows_portable;
}

ck_status ck_stain_row(float *densities, const uint8_t *pixels, const float tables[768], int64_t count) {
    if (!densities || !pixels || !tables)
        return CK_NULL_POINTER;
    if (count < 0)
        return CK_BAD_DIMENSION;
    for (int64_t i = 0; i < count; i++)
        densities[i] = density_of(pixels + 3 * i, tables);
    return CK_OK;
}

ck_status ck_smooth_rows(float *sums, const float *const *rows, const float *weights, int64_t radius, int64_t count) {
    if (!sums || !rows || !weights)
        return CK_NULL_POINTER;
    if (radius < 0 || count < 0)
        return CK_BAD_DIMENSION;
    choose()->smooth(sums, rows, weights, radius, count);
    return CK_OK;
}

ck_status ck_weigh_odds(float *probabilities, const float *densities, const float *factors, int64_t steps,
                        int64_t count) {
    if (!probabilities || !densities || !factors)
        return CK_NULL_POINTER;
    if (steps < 1 || steps > 1 << 16 || count < 0)
        return CK_BAD_DIMENSION;
    choose()->weigh(probabilities, densities, factors, steps, count);
    return CK_OK;
}
