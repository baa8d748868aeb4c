#include "image/image_augment.h"

bool ck_is_permutation(const float inverse[6]) {
    for (int i = 0; i < 6; i++)
        if (inverse[i] != rintf(inverse[i]))
            return false;
    float a = fabsf(inverse[0]), b = fabsf(inverse[1]), c = fabsf(inverse[3]), d = fabsf(inverse[4]);
    return a == d && b == c && a + b == 1;
}

/// offsets[count]: byte offsets in the source, along one axis of `extent` pixels that are `step` bytes apart. Output i
/// reads pixel slope * i + start.
static void fill_table(uint32_t *offsets, int64_t count, float slope, float start, int64_t extent, int64_t step,
                       bool white) {
    for (int64_t i = 0; i < count; i++) {
        int64_t at = (int64_t)slope * i + (int64_t)start;
        bool is_outside = white && (at < 0 || at >= extent);
        offsets[i] = (uint32_t)((is_outside ? 0 : ck_mirror(at, extent) + 1) * step);
    }
}

void ck_permutation_tables(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d) {
    const float *m = a->inverse;
    int64_t row = 3 * (d->w + 2);
    if (m[0] != 0) {
        fill_table(memory->offsets, memory->pitch, m[0], m[2], d->w, 3, a->white_border);
        fill_table(memory->rows, d->h, m[4], m[5], d->h, row, a->white_border);
    } else {
        // Quarter turn: the source row depends on the output column only, and vice versa.
        fill_table(memory->offsets, memory->pitch, m[3], m[5], d->h, row, a->white_border);
        fill_table(memory->rows, d->h, m[1], m[2], d->w, 3, a->white_border);
    }
}

void ck_permuted_row(const ck_augment_memory *memory, int64_t y) {
    const uint8_t *from = memory->source + memory->rows[y];
    const uint32_t *restrict offsets = memory->offsets;
    ck_pixel *restrict row = memory->row;
    for (int64_t x = 0, pitch = memory->pitch; x < pitch; x++)
        memcpy(&row[x], from + offsets[x], sizeof *row);
}

void ck_frame_source(const ck_augment_memory *memory, const uint8_t *window, const ck_windows *d) {
    size_t inner = 3 * (size_t)d->w, row = inner + 6;
    uint8_t *out = memory->source;
    memset(out, 255, row);
    for (int64_t y = 0; y < d->h; y++) {
        out += row;
        memset(out, 255, 3);
        memcpy(out + 3, window + y * d->row_stride, inner);
        memset(out + 3 + inner, 255, 3);
    }
    memset(out + row, 255, row + CK_SOURCE_MARGIN);
}
