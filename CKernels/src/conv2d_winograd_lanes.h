/// Winograd's transforms in vectors of LANES tiles, for one instruction set: included once, before
/// conv2d_winograd_tile.h, with LANES defined and the instruction set as the target of the functions that follow.
///
/// F(4, 5) of Toom and Cook with the points 0, 1, -1, 2, -2, 1/2, -1/2 and infinity, in this order. The transform of
/// pixels is exact but for its additions: all its factors are short binary fractions.
#include "ck_lanes.h"
#include "ck_winograd.h"
#include "conv2d_ahead.h"
#include "conv2d_tail.h"

/// 8 pixels at the 8 points.
static inline __attribute__((always_inline)) void transform_pixels(vec to[CK_SPAN], const vec x[CK_SPAN]) {
#pragma clang fp contract(fast)
    to[0] = (x[0] - x[6]) + 5.25f * (x[4] - x[2]);
    to[7] = (x[7] - x[1]) + 5.25f * (x[3] - x[5]);
    vec even = (x[2] + x[6]) - 4.25f * x[4], odd = (x[1] + x[5]) - 4.25f * x[3];
    to[1] = even + odd;
    to[2] = even - odd;
    even = x[6] + 0.25f * x[2] - 1.25f * x[4];
    odd = x[5] + 0.25f * x[1] - 1.25f * x[3];
    to[3] = even + 2.0f * odd;
    to[4] = even - 2.0f * odd;
    even = x[6] + 4.0f * x[2] - 5.0f * x[4];
    odd = x[5] + 4.0f * x[1] - 5.0f * x[3];
    to[5] = even + 0.5f * odd;
    to[6] = even - 0.5f * odd;
}

/// 4 outputs from the products at the 8 points.
static inline __attribute__((always_inline)) void transform_products(vec y[CK_TILE], const vec m[CK_SPAN]) {
#pragma clang fp contract(fast)
    vec a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4], e = m[5] + m[6], f = m[5] - m[6];
    y[0] = (m[0] + a) + (c + e);
    y[1] = b + 2.0f * d + 0.5f * f;
    y[2] = a + 4.0f * c + 0.25f * e;
    y[3] = (b + m[7]) + 8.0f * d + 0.125f * f;
}

/// 4 pixels of a gradient at the 8 points, and 5 taps from the products there: the two above turned round.
static inline __attribute__((always_inline)) void transform_gradients(vec to[CK_SPAN], const vec g[CK_TILE]) {
#pragma clang fp contract(fast)
    to[0] = g[0];
    to[7] = g[3];
    vec even = g[0] + g[2], odd = g[1] + g[3];
    to[1] = even + odd;
    to[2] = even - odd;
    even = g[0] + 4.0f * g[2];
    odd = g[1] + 4.0f * g[3];
    to[3] = even + 2.0f * odd;
    to[4] = even - 2.0f * odd;
    even = g[0] + 0.25f * g[2];
    odd = g[1] + 0.25f * g[3];
    to[5] = even + 0.5f * odd;
    to[6] = even - 0.5f * odd;
}

static inline __attribute__((always_inline)) void transform_taps_back(vec w[CK_KERNEL], const vec m[CK_SPAN]) {
#pragma clang fp contract(fast)
    vec a = -2.0f / 9 * (m[1] + m[2]), b = -2.0f / 9 * (m[1] - m[2]);
    vec c = 1.0f / 90 * (m[3] + m[4]), d = 1.0f / 90 * (m[3] - m[4]);
    vec e = 32.0f / 45 * (m[5] + m[6]), f = 32.0f / 45 * (m[5] - m[6]);
    w[0] = (m[0] + a) + (c + e);
    w[1] = b + 2.0f * d + 0.5f * f;
    w[2] = a + 4.0f * c + 0.25f * e;
    w[3] = b + 8.0f * d + 0.125f * f;
    w[4] = (a + m[7]) + 16.0f * c + 0.0625f * e;
}

/// The part of line[count] that a row covers whose column `left` is the line's first.
static inline void read_line(float *restrict line, const ck_planes *x, int64_t plane, int64_t row, int64_t left,
                             int64_t count, float *restrict buffer) {
    const bool is_plain = !x->is_pooled && !x->y;
    const int64_t begin = ck_max(0, -left), end = ck_min(count, x->w - left);
    if (!is_plain && left <= 0) {
        // Behind the end it writes zeros.
        expand_row(line + begin, x, plane, row);
        return;
    }
    const float *from = row_of(x, plane, row, buffer) + left;
    int64_t j = begin;
    for (; j + LANES <= end; j += LANES)
        store(line + j, load(from + j));
    for (; j < end; j++)
        line[j] = from[j];
}

/// Pixels 0 ... 3 of LANES tiles in a row that starts with them.
static inline __attribute__((always_inline)) void split_tiles(vec x[CK_TILE], const float *line) {
    vec a = load(line), b = load(line + LANES), c = load(line + 2 * LANES), d = load(line + 3 * LANES);
    vec even[2] = {even_elements(a, b), even_elements(c, d)}, odd[2] = {odd_elements(a, b), odd_elements(c, d)};
    x[0] = even_elements(even[0], even[1]);
    x[1] = even_elements(odd[0], odd[1]);
    x[2] = odd_elements(even[0], even[1]);
    x[3] = odd_elements(odd[0], odd[1]);
}

/// The reverse for one vector of tiles: line[4 * LANES].
static inline __attribute__((always_inline)) void join_tiles(float *line, const vec y[CK_TILE]) {
    vec even[2] = {first_halves(y[0], y[2]), second_halves(y[0], y[2])};
    vec odd[2] = {first_halves(y[1], y[3]), second_halves(y[1], y[3])};
    store(line, first_halves(even[0], odd[0]));
    store(line + LANES, second_halves(even[0], odd[0]));
    store(line + 2 * LANES, first_halves(even[1], odd[1]));
    store(line + 3 * LANES, second_halves(even[1], odd[1]));
}

/// The rows of a strip of one plane, transformed along the rows: half[rows * 4 + 4][vectors][8] vectors. Lines are
/// memory for these rows, zero wherever there are no pixels.
static inline void transform_rows(float *restrict half, const ck_planes *x, int64_t plane, const ck_winograd_plan *p,
                                  int64_t strip, float *restrict lines, float *restrict buffer) {
    const int64_t first = p->top + strip * p->rows * CK_TILE, count = (p->rows - 1) * CK_TILE + CK_SPAN;
    const int64_t steps = count * p->vectors;
    ahead next = next_rows_of(x, plane + 1, plane + 1 < p->c, ck_max(0, first), count, steps);
    // All rows before any is loaded again: a load that straddles two stores waits for them.
    for (int64_t i = ck_max(0, -first); i < ck_min(count, x->h - first); i++)
        read_line(lines + i * p->line, x, plane, first + i, p->left, p->line, buffer);
    for (int64_t i = 0; i < count; i++, lines += p->line)
        for (int64_t v = 0; v < p->vectors; v++, half += CK_SPAN * LANES) {
            vec pixels[CK_SPAN], to[CK_SPAN];
            prefetch(&next);
            split_tiles(pixels, lines + v * CK_TILE * LANES);
            split_tiles(pixels + CK_TILE, lines + v * CK_TILE * LANES + CK_TILE);
            transform_pixels(to, pixels);
#pragma unroll
            for (int j = 0; j < CK_SPAN; j++)
                store(half + j * LANES, to[j]);
        }
}

/// tiles[blocks][64][count][per] vectors of a strip, in blocks of `per` vectors: channels first ... of x[C][H][W],
/// zeros from the channels-th on.
static void transform_tiles(float *restrict tiles, const ck_planes *x, const ck_winograd_plan *p, int64_t strip,
                            int64_t first, int64_t channels, int64_t count, int64_t per, float *restrict buffers) {
    float *half = buffers + p->half, *lines = buffers + p->lines;
    memset(lines, 0, sizeof *lines * (size_t)(((p->rows - 1) * CK_TILE + CK_SPAN) * p->line));
    const int64_t used = p->rows * p->vectors;
    for (int64_t c = 0; c < count; c++) {
        if (c < channels)
            transform_rows(half, x, first + c, p, strip, lines, buffers + p->row);
        for (int64_t i = 0; i < p->blocks * per; i++) {
            const float *from = half + (i / p->vectors * CK_TILE * p->vectors + i % p->vectors) * CK_SPAN * LANES;
            float *to = tiles + i / per * CK_POINTS * p->tile_point + (c * per + i % per) * LANES;
            if (i >= used || c >= channels) {
                for (int64_t point = 0; point < CK_POINTS; point++)
                    store(to + point * p->tile_point, (vec)(0.0f));
                continue;
            }
            for (int64_t column = 0; column < CK_SPAN; column++) {
                vec v[CK_SPAN], at[CK_SPAN];
#pragma unroll
                for (int row = 0; row < CK_SPAN; row++)
                    v[row] = load(from + (row * p->vectors * CK_SPAN + column) * LANES);
                transform_pixels(at, v);
#pragma unroll
                for (int row = 0; row < CK_SPAN; row++)
                    store(to + (row * CK_SPAN + column) * p->tile_point, at[row]);
            }
        }
    }
}

/// Turns LANES vectors into those of their first, second, ... elements.
static inline __attribute__((always_inline)) void transpose(vec v[LANES]) {
#pragma unroll
    for (int step = 1; step < LANES; step *= 2) {
        vec from[LANES];
#pragma unroll
        for (int i = 0; i < LANES; i++)
            from[i] = v[i];
#pragma unroll
        for (int i = 0; i < LANES / 2; i++) {
            v[2 * i] = first_halves(from[i], from[i + LANES / 2]);
            v[2 * i + 1] = second_halves(from[i], from[i + LANES / 2]);
        }
    }
}

/// Floats of a row of gradients in whole tiles and vectors.
static inline int64_t gradient_row(const ck_winograd_plan *p) {
    return ck_round_up(ck_round_up(p->ow, CK_TILE), LANES);
}

/// pixels[4][gradient_row] vectors of LANES filters k ... of gy, zeros outside of it, from row y on. Lines are LANES
/// rows with zeros behind their pixels.
static void gather_gradients(float *restrict pixels, const ck_planes *gy, const ck_winograd_plan *p, int64_t k,
                             int64_t y, float *restrict lines, float *restrict buffer) {
    const int64_t row = gradient_row(p);
    for (int64_t i = 0; i < CK_TILE; i++) {
        for (int64_t lane = 0; lane < LANES; lane++)
            if (k + lane < p->k && y + i < p->oh)
                read_line(lines + lane * row, gy, k + lane, y + i, 0, row, buffer);
            else
                memset(lines + lane * row, 0, sizeof *lines * (size_t)row);
        for (int64_t j = 0; j < row; j += LANES, pixels += LANES * LANES) {
            vec v[LANES];
#pragma unroll
            for (int lane = 0; lane < LANES; lane++)
                v[lane] = load(lines + lane * row + j);
            transpose(v);
#pragma unroll
            for (int lane = 0; lane < LANES; lane++)
                store(pixels + lane * LANES, v[lane]);
        }
    }
}

/// gradients[64][tiles][step] of LANES filters from `count` tiles of their pixels; returns the sums of the pixels.
static vec transform_gradient_row(float *restrict gradients, const float *restrict pixels, const ck_winograd_plan *p,
                                  int64_t count, int64_t step, ahead *next) {
    const int64_t row = gradient_row(p) * LANES;
    vec sum = (vec)(0.0f);
    for (int64_t tile = 0; tile < count; tile++, pixels += CK_TILE * LANES, gradients += step) {
        vec half[CK_TILE][CK_SPAN];
        prefetch(next);
#pragma unroll
        for (int i = 0; i < CK_TILE; i++) {
            vec g[CK_TILE];
#pragma unroll
            for (int j = 0; j < CK_TILE; j++)
                g[j] = load(pixels + i * row + j * LANES);
            transform_gradients(half[i], g);
        }
#pragma unroll
        for (int column = 0; column < CK_SPAN; column++) {
            vec g[CK_TILE], to[CK_SPAN];
#pragma unroll
            for (int i = 0; i < CK_TILE; i++)
                g[i] = half[i][column];
            transform_gradients(to, g);
#pragma unroll
            for (int i = 0; i < CK_SPAN; i++)
                store(gradients + (i * CK_SPAN + column) * p->product_point, to[i]);
            // At the point (1, 1) all factors are 1.
            if (column == 1)
                sum += to[1];
        }
    }
    return sum;
}

/// out[width]: a row of sums with what is added to it, where nothing is pooled.
static inline void finish_row(float *restrict out, const float *restrict sums, const float *addend, bool relu,
                              int64_t width) {
    for (int64_t j = 0; width < LANES && j < width; j++) {
        float v = sums[j] + (addend ? addend[j] : 0);
        out[j] = relu && v <= 0 ? 0 : v;
    }
    // The last vector ends where the row does.
    for (int64_t j = 0; width >= LANES && j < width; j += LANES) {
        int64_t at = ck_min(j, width - LANES);
        store(out + at, finish(load(sums + at), addend ? addend + at : NULL, relu));
    }
}

/// Stores rows first ... first + rows - 1 of plane k of an image from lines[rows][pitch], whose pitch is whole tiles
/// and vectors.
static void store_rows(const ck_outputs *out, const float *lines, int64_t k, int64_t first, int64_t rows,
                       int64_t pitch) {
    const int64_t width = out->ow, pooled = out->oh / 2, sign_row = ck_sign_row(width);
    if (out->pooling == CK_POOLING_NONE) {
        for (int64_t i = 0; i < rows; i++) {
            int64_t place = (k * out->oh + first + i) * width;
            finish_row(out->values + place, lines + i * pitch, out->addend ? out->addend + place : NULL, out->relu,
                       width);
        }
        return;
    }
    for (int64_t i = 0; out->signs && i < rows; i++)
        keep_signs(out->signs + (k * out->oh + first + i) * sign_row, lines + i * pitch, width);
    for (int64_t i = 0; i < rows / 2; i++)
        pool_rows(out->values + (k * pooled + first / 2 + i) * (width / 2), lines + 2 * i * pitch,
                  lines + (2 * i + 1) * pitch, width, out->relu, out->pooling);
}
