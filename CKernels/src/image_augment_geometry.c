#include "image_augment.h"

bool ck_is_permutation(const float inverse[6]) {
    for (int i = 0; i < 6; i++)
        if (inverse[i] != rintf(inverse[i]))
            return false;
    float a = fabsf(inverse[0]), b = fabsf(inverse[1]), c = fabsf(inverse[3]), d = fabsf(inverse[4]);
    return a == d && b == c && a + b == 1;
}

/// indices[i] = the source's index for output i on an axis that runs with `slope` from `start`; -1 is white.
static void fill_table(int32_t *indices, int64_t count, float slope, float start, int64_t extent, bool white) {
    for (int64_t i = 0; i < count; i++) {
        int64_t at = (int64_t)slope * i + (int64_t)start;
        indices[i] = white && (at < 0 || at >= extent) ? -1 : (int32_t)ck_mirror(at, extent);
    }
}

void ck_permutation_tables(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d) {
    const float *m = a->inverse;
    if (m[0] != 0) {
        fill_table(memory->columns, d->w, m[0], m[2], d->w, a->white_border);
        fill_table(memory->rows, d->h, m[4], m[5], d->h, a->white_border);
    } else {
        // A quarter turn: the source's row depends on the column alone, and the other way round.
        fill_table(memory->columns, d->w, m[3], m[5], d->h, a->white_border);
        fill_table(memory->rows, d->h, m[1], m[2], d->w, a->white_border);
    }
}

void ck_permuted_row(const ck_augment_memory *memory, const ck_augmentation *a, const uint8_t *window,
                     const ck_windows *d, int64_t y) {
    bool turned = a->inverse[0] == 0;
    int64_t column_step = turned ? d->row_stride : 3, row_step = turned ? 3 : d->row_stride;
    int64_t row = memory->rows[y];
    const uint8_t *from = window + (row < 0 ? 0 : row * row_step);
    for (int64_t x = 0; x < d->w; x++) {
        int64_t column = memory->columns[x];
        const uint8_t *p = from + (column < 0 ? 0 : column * column_step);
        memory->row[x] = row < 0 || column < 0 ? CK_WHITE : (ck_pixel)(p[0] | p[1] << 8 | p[2] << 16);
    }
}

void ck_frame_source(const ck_augment_memory *memory, const uint8_t *window, const ck_windows *d) {
    int64_t w = d->w + 2;
    for (int64_t y = 0; y < d->h + 2; y++) {
        ck_pixel *out = memory->source + y * w;
        bool outside = y == 0 || y == d->h + 1;
        out[0] = out[w - 1] = CK_WHITE;
        const uint8_t *p = window + (outside ? 0 : (y - 1) * d->row_stride);
        for (int64_t x = 0; x < d->w; x++)
            out[x + 1] = outside ? CK_WHITE : (ck_pixel)(p[3 * x] | p[3 * x + 1] << 8 | p[3 * x + 2] << 16);
    }
}

/// Coordinates along one axis of the source, split into the index of the pixel before in the frame, and the part of
/// the way to the next. The frame's white pixels end an axis on both sides: mirrored coordinates meet them with weight
/// 0 at most.
static void split(int32_t *restrict index, float *restrict part, int64_t count, float slope, float start,
                  int64_t extent, bool white) {
    float last = (float)(extent - 1), period = extent > 1 ? 2 * last : 1, inverse_period = 1 / period;
    if (white) {
        for (int64_t i = 0; i < count; i++) {
            float at = ck_clamp(slope * (float)(int32_t)i + start, -1, last + 1) + 1;
            // The last pixel of the frame has no next one.
            int32_t whole = (int32_t)ck_clamp(at, 0, last + 1);
            index[i] = whole;
            part[i] = at - (float)whole;
        }
    } else {
        for (int64_t i = 0; i < count; i++) {
            float at = fabsf(slope * (float)(int32_t)i + start);
            at -= period * (float)(int32_t)(at * inverse_period);
            at = ck_clamp(at < last ? at : period - at, 0, last);
            int32_t whole = (int32_t)at;
            index[i] = whole + 1;
            part[i] = at - (float)whole;
        }
    }
}

typedef uint8_t bytes4 __attribute__((vector_size(4)));
typedef uint8_t bytes8 __attribute__((vector_size(8)));
typedef int32_t ints4 __attribute__((vector_size(16)));
typedef float floats4 __attribute__((vector_size(16)));
typedef float floats8 __attribute__((vector_size(32)));

void ck_affine_row(const ck_augment_memory *memory, const ck_augmentation *a, const ck_windows *d, int64_t y) {
    const float *m = a->inverse;
    split(memory->columns, memory->column_parts, d->w, m[0], m[1] * (float)y + m[2], d->w, a->white_border);
    split(memory->rows, memory->row_parts, d->w, m[3], m[4] * (float)y + m[5], d->h, a->white_border);
    int64_t width = d->w + 2;
    for (int64_t x = 0; x < d->w; x++) {
        const ck_pixel *p = memory->source + memory->rows[x] * width + memory->columns[x];
        bytes8 upper, lower;
        memcpy(&upper, p, sizeof upper);
        memcpy(&lower, p + width, sizeof lower);
        floats8 above = __builtin_convertvector(upper, floats8), below = __builtin_convertvector(lower, floats8);
        floats8 column = above + (below - above) * memory->row_parts[x];
        floats4 left = __builtin_shufflevector(column, column, 0, 1, 2, 3);
        floats4 right = __builtin_shufflevector(column, column, 4, 5, 6, 7);
        floats4 value = left + (right - left) * memory->column_parts[x] + 0.5f;
        bytes4 rounded = __builtin_convertvector(__builtin_convertvector(value, ints4), bytes4);
        memcpy(&memory->row[x], &rounded, sizeof rounded);
    }
}
