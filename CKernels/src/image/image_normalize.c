#include "image/image_windows.h"

/// Lookup table: the normalized value of each byte in each channel.
static ck_status make_values(float values[3][256], const float mean[3], const float deviation[3]) {
    ck_status status = ck_check_statistics(mean, deviation);
    for (int c = 0; c < 3 && status == CK_OK; c++)
        for (int byte = 0; byte < 256; byte++)
            values[c][byte] = (float)((byte / 255.0 - mean[c] / 255.0) / (deviation[c] / 255.0));
    return status;
}

ck_status ck_normalize_windows(float *planes, const uint8_t *base, const int64_t *offsets, const float mean[3],
                               const float deviation[3], const ck_windows *d) {
    ck_status status = ck_check_pixel_windows(base, offsets, d);
    float values[3][256];
    if (status == CK_OK)
        status = planes ? make_values(values, mean, deviation) : CK_NULL_POINTER;
    if (status != CK_OK)
        return status;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t y = 0; y < d->h; y++) {
            const uint8_t *row = base + offsets[n] + y * d->row_stride;
            float *restrict out = planes + (n * 3 * d->h + y) * d->w;
            for (int64_t x = 0; x < d->w; x++) {
                out[x] = values[0][row[3 * x]];
                out[d->h * d->w + x] = values[1][row[3 * x + 1]];
                out[2 * d->h * d->w + x] = values[2][row[3 * x + 2]];
            }
        }
    return CK_OK;
}

ck_status ck_channel_histograms(uint64_t *counts, const uint8_t *base, const int64_t *offsets, const ck_windows *d) {
    ck_status status = ck_check_pixel_windows(base, offsets, d);
    if (status != CK_OK)
        return status;
    if (!counts)
        return CK_NULL_POINTER;
    memset(counts, 0, sizeof(uint64_t) * 768);
#pragma omp parallel
    {
        uint64_t own[768] = {0};
#pragma omp for schedule(static)
        for (int64_t n = 0; n < d->n; n++)
            for (int64_t y = 0; y < d->h; y++) {
                const uint8_t *row = base + offsets[n] + y * d->row_stride;
                for (int64_t x = 0; x < d->w; x++)
                    for (int64_t c = 0; c < 3; c++)
                        own[c * 256 + row[3 * x + c]]++;
            }
            // Integer sums do not depend on the order of threads.
#pragma omp critical
        for (int64_t i = 0; i < 768; i++)
            counts[i] += own[i];
    }
    return CK_OK;
}
