/// Winograd's transforms in vectors of LANES tiles: included once for each instruction set, before
/// conv2d_winograd_tile.h, with LANES defined and the instruction set as target attribute.
///
/// F(4, 5) and F(4, 3) of Toom and Cook with the points 0, 1, -1, 2, -2, for kernels of 5 also 1/2, -1/2, and infinity,
/// in this order. The factors of the pixel transform are short binary fractions, so only its additions round.
#include "conv2d/conv2d_epilogue.h"
#include "conv2d/conv2d_prefetch.h"
#include "conv2d/winograd/conv2d_winograd_plan.h"

/// Pixels of a row at the points: 8 for a kernel of 5, 6 for one of 3. All callers pass a constant `kernel`.
static inline __attribute__((always_inline)) void transform_pixels(vec *to, const vec *x, int kernel) {
#pragma clang fp contract(fast)
    vec even, odd;
    if (kernel == 3) {
        to[0] = 4.0f * x[0] - 5.0f * x[2] + x[4];
        to[5] = 4.0f * x[1] - 5.0f * x[3] + x[5];
        even = x[4] - 4.0f * x[2];
        odd = x[3] - 4.0f * x[1];
        to[1] = even + odd;
        to[2] = even - odd;
        even = x[4] - x[2];
        odd = x[3] - x[1];
        to[3] = even + 2.0f * odd;
        to[4] = even - 2.0f * odd;
        return;
    }
    to[0] = (x[0] - x[6]) + 5.25f * (x[4] - x[2]);
    to[7] = (x[7] - x[1]) + 5.25f * (x[3] - x[5]);
    even = (x[2] + x[6]) - 4.25f * x[4];
    odd = (x[1] + x[5]) - 4.25f * x[3];
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

/// 4 outputs from the products at the points.
static inline __attribute__((always_inline)) void transform_products(vec *y, const vec *m, int kernel) {
#pragma clang fp contract(fast)
    vec a = m[1] + m[2], b = m[1] - m[2], c = m[3] + m[4], d = m[3] - m[4];
    if (kernel == 3) {
        y[0] = (m[0] + a) + c;
        y[1] = b + 2.0f * d;
        y[2] = a + 4.0f * c;
        y[3] = (b + m[5]) + 8.0f * d;
        return;
    }
    vec e = m[5] + m[6], f = m[5] - m[6];
    y[0] = (m[0] + a) + (c + e);
    y[1] = b + 2.0f * d + 0.5f * f;
    y[2] = a + 4.0f * c + 0.25f * e;
    y[3] = (b + m[7]) + 8.0f * d + 0.125f * f;
}

/// 4 pixels of a gradient at the points: the transpose of transform_products.
static inline __attribute__((always_inline)) void transform_gradients(vec *to, const vec *g, int kernel) {
#pragma clang fp contract(fast)
    to[0] = g[0];
    to[kernel + 2] = g[3];
    vec even = g[0] + g[2], odd = g[1] + g[3];
    to[1] = even + odd;
    to[2] = even - odd;
    even = g[0] + 4.0f * g[2];
    odd = g[1] + 4.0f * g[3];
    to[3] = even + 2.0f * odd;
    to[4] = even - 2.0f * odd;
    if (kernel == 3)
        return;
    even = g[0] + 0.25f * g[2];
    odd = g[1] + 0.25f * g[3];
    to[5] = even + 0.5f * odd;
    to[6] = even - 0.5f * odd;
}

/// Taps from the products of pixels and gradients at the points: the transpose of transform_taps.
static inline __attribute__((always_inline)) void transform_taps_back(vec *w, const vec *m, int kernel) {
#pragma clang fp contract(fast)
    if (kernel == 3) {
        vec a = -1.0f / 6 * (m[1] + m[2]), b = -1.0f / 6 * (m[1] - m[2]);
        vec c = 1.0f / 24 * (m[3] + m[4]), d = 1.0f / 24 * (m[3] - m[4]);
        w[0] = 0.25f * m[0] + (a + c);
        w[1] = b + 2.0f * d;
        w[2] = (a + m[5]) + 4.0f * c;
        return;
    }
    vec a = -2.0f / 9 * (m[1] + m[2]), b = -2.0f / 9 * (m[1] - m[2]);
    vec c = 1.0f / 90 * (m[3] + m[4]), d = 1.0f / 90 * (m[3] - m[4]);
    vec e = 32.0f / 45 * (m[5] + m[6]), f = 32.0f / 45 * (m[5] - m[6]);
    w[0] = (m[0] + a) + (c + e);
    w[1] = b + 2.0f * d + 0.5f * f;
    w[2] = a + 4.0f * c + 0.25f * e;
    w[3] = b + 8.0f * d + 0.125f * f;
    w[4] = (a + m[7]) + 16.0f * c + 0.0625f * e;
}

/// Taps of one filter at the points.
static inline __attribute__((always_inline)) void transform_taps(float *to, const float *g, int kernel) {
#pragma clang fp contract(fast)
    if (kernel == 3) {
        to[0] = 0.25f * g[0];
        to[5] = g[2];
        float even = g[0] + g[2], odd = g[1];
        to[1] = -1.0f / 6 * (even + odd);
        to[2] = -1.0f / 6 * (even - odd);
        even = g[0] + 4.0f * g[2];
        odd = 2.0f * g[1];
        to[3] = 1.0f / 24 * (even + odd);
        to[4] = 1.0f / 24 * (even - odd);
        return;
    }
    to[0] = g[0];
    to[7] = g[4];
    float even = g[0] + g[2] + g[4], odd = g[1] + g[3];
    to[1] = -2.0f / 9 * (even + odd);
    to[2] = -2.0f / 9 * (even - odd);
    even = g[0] + 4.0f * g[2] + 16.0f * g[4];
    odd = 2.0f * g[1] + 8.0f * g[3];
    to[3] = 1.0f / 90 * (even + odd);
    to[4] = 1.0f / 90 * (even - odd);
    even = g[0] + 0.25f * g[2] + 0.0625f * g[4];
    odd = 0.5f * g[1] + 0.125f * g[3];
    to[5] = 32.0f / 45 * (even + odd);
    to[6] = 32.0f / 45 * (even - odd);
}

/// Copies row[width] to line[count], whose first element is column `left`. Elements outside the row are not written.
static inline void read_part(float *restrict line, const float *restrict row, int64_t width, int64_t left,
                             int64_t count) {
    const int64_t begin = ck_max(0, -left), end = ck_min(count, width - left);
    int64_t j = begin;
    for (; j + LANES <= end; j += LANES)
        store(line + j, load(row + left + j));
    for (; j < end; j++)
        line[j] = row[left + j];
}

/// The same for a row of planes. Lines have room for one more vector.
static inline void read_line(float *restrict line, const ck_planes *x, int64_t plane, int64_t row, int64_t left,
                             int64_t count, float *restrict buffer) {
    const bool is_plain = !x->is_pooled && !x->y;
    if (!is_plain && left <= 0 && expanded_row(x->w) - left <= count) {
        // Writes zeros past the end of the row.
        expand_row(line - left, x, plane, row);
        return;
    }
    read_part(line, row_of(x, plane, row, buffer), x->w, left, count);
}

/// Pixels 0 ... 3 of LANES adjacent tiles that start at `line`.
static inline __attribute__((always_inline)) void split_tiles(vec x[CK_TILE], const float *line) {
    vec a = load(line), b = load(line + LANES), c = load(line + 2 * LANES), d = load(line + 3 * LANES);
    vec even[2] = {even_elements(a, b), even_elements(c, d)}, odd[2] = {odd_elements(a, b), odd_elements(c, d)};
    x[0] = even_elements(even[0], even[1]);
    x[1] = even_elements(odd[0], odd[1]);
    x[2] = odd_elements(even[0], even[1]);
    x[3] = odd_elements(odd[0], odd[1]);
}

/// The inverse: 4 vectors of consecutive outputs.
static inline __attribute__((always_inline)) void join_tiles(vec out[CK_TILE], const vec y[CK_TILE]) {
    vec even[2] = {first_halves(y[0], y[2]), second_halves(y[0], y[2])};
    vec odd[2] = {first_halves(y[1], y[3]), second_halves(y[1], y[3])};
    out[0] = first_halves(even[0], odd[0]);
    out[1] = second_halves(even[0], odd[0]);
    out[2] = first_halves(even[1], odd[1]);
    out[3] = second_halves(even[1], odd[1]);
}

/// Transposes a matrix of LANES x LANES elements.
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

/// Floats of a row of gradients, rounded up to whole tiles and vectors.
static inline int64_t gradient_row(const ck_winograd_plan *p) {
    return ck_round_up(ck_round_up(p->geometry.ow, CK_TILE), LANES);
}

/// pixels[4][gradient_row] vectors of LANES filters of gy, from filter k and row y on; zeros outside. `lines` holds
/// LANES rows, which must be zero past their pixels.
static void gather_gradients(float *restrict pixels, const ck_planes *gy, const ck_winograd_plan *p, int64_t k,
                             int64_t y, float *restrict lines, float *restrict buffer) {
    const int64_t row = gradient_row(p);
    for (int64_t i = 0; i < CK_TILE; i++) {
        for (int64_t lane = 0; lane < LANES; lane++)
            if (k + lane < p->geometry.k && y + i < p->geometry.oh)
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

/// out[width]: a row of sums with the epilogue applied, without pooling.
static inline void finish_row(float *restrict out, const float *restrict sums, const float *residual, bool relu,
                              int64_t width) {
    for (int64_t j = 0; width < LANES && j < width; j++) {
        float v = sums[j] + (residual ? residual[j] : 0);
        out[j] = relu && v <= 0 ? 0 : v;
    }
    // The last vector ends at the end of the row.
    for (int64_t j = 0; width >= LANES && j < width; j += LANES) {
        int64_t at = ck_min(j, width - LANES);
        store(out + at, finish(load(sums + at), residual ? residual + at : NULL, relu));
    }
}

/// Applies the epilogue to lines[rows][pitch] and stores them as rows first ... first + rows - 1 of plane k, from
/// column `left` on. `pitch` and `left` are multiples of whole tiles and vectors.
static void store_part(const ck_outputs *out, const float *lines, int64_t k, int64_t first, int64_t rows, int64_t left,
                       int64_t pitch) {
    const int64_t all = out->ow, width = ck_min(pitch, all - left), pooled = out->oh / 2,
                  mask_row = ck_mask_row_bytes(all);
    if (out->pooling == CK_POOLING_NONE) {
        for (int64_t i = 0; i < rows; i++) {
            int64_t place = (k * out->oh + first + i) * all + left;
            finish_row(out->values + place, lines + i * pitch, out->residual ? out->residual + place : NULL, out->relu,
                       width);
        }
        return;
    }
    for (int64_t i = 0; out->relu_mask && i < rows; i++)
        store_relu_mask(out->relu_mask + (k * out->oh + first + i) * mask_row + left / 8, lines + i * pitch, width);
    for (int64_t i = 0; i < rows / 2; i++)
        pool_rows(out->values + (k * pooled + first / 2 + i) * (all / 2) + left / 2, lines + 2 * i * pitch,
                  lines + (2 * i + 1) * pitch, width, out->relu, out->pooling);
}
