/// Checks of windows of pixels and of channel statistics (private).
#ifndef IMAGE_WINDOWS_H
#define IMAGE_WINDOWS_H

#include "runtime/ck_internal.h"

static inline ck_status ck_check_pixel_windows(const uint8_t *base, const int64_t *offsets, const ck_windows *d) {
    if (!base || !offsets || !d)
        return CK_NULL_POINTER;
    return d->n < 1 || d->h < 1 || d->w < 1 || d->row_stride < 3 * d->w ? CK_BAD_DIMENSION : CK_OK;
}

/// Means are finite, and deviations above 0.
static inline ck_status ck_check_statistics(const float mean[3], const float deviation[3]) {
    if (!mean || !deviation)
        return CK_NULL_POINTER;
    for (int c = 0; c < 3; c++)
        if (!isfinite(mean[c]) || !isfinite(deviation[c]) || !(deviation[c] > 0))
            return CK_BAD_PARAMETER;
    return CK_OK;
}

#endif
