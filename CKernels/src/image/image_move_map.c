#include "image/image_augment.h"

/// Index of the pixel nearest to a coordinate along an axis of `extent` pixels; -1 outside, when `white` is set.
static inline int64_t nearest(float at, int64_t extent, bool white) {
    // Rounds down, unlike a conversion.
    float shifted = at + 0.5f;
    int64_t i = (int64_t)shifted;
    i -= shifted < (float)i;
    if (i >= 0 && i < extent)
        return i;
    return white ? -1 : ck_mirror(i, extent);
}

ck_status ck_move_map(uint8_t *map, const uint8_t *source, const float inverse[6], bool white_border, uint8_t outside,
                      int64_t h, int64_t w) {
    if (!map || !source || !inverse)
        return CK_NULL_POINTER;
    if (h < 1 || w < 1 || h > 1 << 15 || w > 1 << 15)
        return CK_BAD_DIMENSION;
    if (!ck_is_valid_inverse(inverse))
        return CK_BAD_PARAMETER;
    const float *m = inverse;
    for (int64_t y = 0; y < h; y++) {
        const float column_start = m[1] * (float)y + m[2], row_start = m[4] * (float)y + m[5];
        for (int64_t x = 0; x < w; x++) {
            int64_t column = nearest(m[0] * (float)x + column_start, w, white_border);
            int64_t row = nearest(m[3] * (float)x + row_start, h, white_border);
            map[y * w + x] = column < 0 || row < 0 ? outside : source[row * w + column];
        }
    }
    return CK_OK;
}
