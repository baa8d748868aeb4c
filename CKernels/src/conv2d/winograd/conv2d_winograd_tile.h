/// Winograd's transforms for one size of kernels and one register block: included once for each of them, after
/// conv2d_winograd_lanes.h, with
///   ISA      instruction set
///   KERNEL   taps across: 5 or 3
///   TILE_K   filters of a block
///   TILE_P   vectors of tiles of a block
///   SUM_C    channels of a block of weight gradients
///   SUM_V    vectors of filters of a block of weight gradients
///   NAME(x)  the name of x for these
/// No OpenMP here: the outlined body of a parallel region loses its target attribute.

#define transform_filters NAME(transform_filters)
#define transform_rows NAME(transform_rows)
#define transform_tiles NAME(transform_tiles)
#define multiply NAME(multiply)
#define multiply_points NAME(multiply_points)
#define store_outputs NAME(store_outputs)
#define correlate NAME(correlate)
/// Pixels, and points, of a tile across.
#define SPAN (KERNEL + CK_TILE - 1)
#define POINTS (SPAN * SPAN)

static void transform_filters(float *restrict panels, const float *restrict w, int64_t filters, int64_t channels,
                              int64_t of_k, int64_t of_c, int64_t step) {
    float taps[KERNEL][KERNEL][TILE_K] = {0}, half[KERNEL][SPAN][TILE_K];
    for (int64_t c = 0; c < channels; c++, w += of_c) {
        for (int64_t t = 0; t < KERNEL * KERNEL; t++)
            for (int64_t k = 0; k < filters; k++)
                taps[t / KERNEL][t % KERNEL][k] = w[k * of_k + t * step];
        for (int64_t column = 0; column < KERNEL; column++)
            for (int k = 0; k < TILE_K; k++) {
                float g[KERNEL], to[SPAN];
#pragma unroll
                for (int i = 0; i < KERNEL; i++)
                    g[i] = taps[i][column][k];
                transform_taps(to, g, KERNEL);
#pragma unroll
                for (int i = 0; i < SPAN; i++)
                    half[column][i][k] = to[i];
            }
        for (int64_t row = 0; row < SPAN; row++)
            for (int k = 0; k < TILE_K; k++) {
                float g[KERNEL], to[SPAN];
#pragma unroll
                for (int i = 0; i < KERNEL; i++)
                    g[i] = half[i][row][k];
                transform_taps(to, g, KERNEL);
#pragma unroll
                for (int i = 0; i < SPAN; i++)
                    panels[((row * SPAN + i) * channels + c) * TILE_K + k] = to[i];
            }
    }
}

/// half[lines][vectors][SPAN] vectors: the rows of a strip of one plane, transformed along the rows. `lines` receives
/// the rows; it must be zero where there are no pixels. If vectors hold several rows of tiles, a line holds as many
/// rows of pixels twice: as columns 0 ... 3 of the tiles, and as columns 4 and up. Otherwise tiles overlap in one row.
static inline void transform_rows(float *restrict half, const ck_planes *x, int64_t plane, const ck_winograd_plan *p,
                                  int64_t strip, float *restrict lines, float *restrict buffer) {
    const int64_t first = p->geometry.top + strip / p->tiling.across * p->tiling.rows * p->tiling.fold * CK_TILE;
    const int64_t left = p->geometry.left + strip % p->tiling.across * p->tiling.vectors * LANES * CK_TILE;
    const int64_t width = CK_TILE * LANES / p->tiling.fold;
    const int64_t count = (p->tiling.rows - 1) * p->strides.line_step + SPAN, steps = count * p->tiling.vectors;
    const int64_t others = p->tiling.fold > 1 ? p->strides.line / 2 : CK_TILE;
    prefetch_list next = prefetch_part(x, plane + 1, plane + 1 < p->geometry.c, ck_max(0, first),
                                       p->tiling.rows * p->tiling.fold * CK_TILE, left, p->strides.line, steps);
    // Copies all rows before any is loaded again: a load that straddles two recent stores stalls.
    if (p->tiling.fold == 1)
        for (int64_t i = ck_max(0, -first); i < ck_min(count, x->h - first); i++)
            read_line(lines + i * p->strides.line, x, plane, first + i, left, p->strides.line, buffer);
    else
        for (int64_t i = 0; i < p->tiling.rows * p->tiling.fold * SPAN; i++) {
            int64_t tile_row = i / SPAN, y = first + tile_row * CK_TILE + i % SPAN;
            if (y < 0 || y >= x->h)
                continue;
            float *line = lines + (tile_row / p->tiling.fold * SPAN + i % SPAN) * p->strides.line +
                          tile_row % p->tiling.fold * width;
            const float *row = row_of(x, plane, y, buffer);
            read_part(line, row, x->w, left, width);
            read_part(line + others, row, x->w, left + CK_TILE, width);
        }
    for (int64_t i = 0; i < count; i++, lines += p->strides.line)
        for (int64_t v = 0; v < p->tiling.vectors; v++, half += SPAN * LANES) {
            vec pixels[2 * CK_TILE], to[SPAN];
            prefetch(&next);
            split_tiles(pixels, lines + v * CK_TILE * LANES);
            split_tiles(pixels + CK_TILE, lines + v * CK_TILE * LANES + others);
            transform_pixels(to, pixels, KERNEL);
#pragma unroll
            for (int j = 0; j < SPAN; j++)
                store(half + j * LANES, to[j]);
        }
}

/// tiles[blocks][POINTS][count][per] vectors of a strip, in blocks of `per` vectors: `channels` channels of x from
/// `first` on, padded with zeros to `count`.
static void transform_tiles(float *restrict tiles, const ck_planes *x, const ck_winograd_plan *p, int64_t strip,
                            int64_t first, int64_t channels, int64_t count, int64_t per, float *restrict buffers) {
    float *half = buffers + p->buffers.half, *lines = buffers + p->buffers.lines;
    memset(lines, 0, sizeof *lines * (size_t)(((p->tiling.rows - 1) * p->strides.line_step + SPAN) * p->strides.line));
    const int64_t used = p->tiling.rows * p->tiling.vectors;
    for (int64_t c = 0; c < count; c++) {
        if (c < channels)
            transform_rows(half, x, first + c, p, strip, lines, buffers + p->buffers.row);
        for (int64_t i = 0; i < p->tiling.blocks * per; i++) {
            const float *from =
                half + (i / p->tiling.vectors * p->strides.line_step * p->tiling.vectors + i % p->tiling.vectors) *
                           SPAN * LANES;
            float *to = tiles + i / per * POINTS * p->strides.tile_point + (c * per + i % per) * LANES;
            if (i >= used || c >= channels) {
                for (int64_t point = 0; point < POINTS; point++)
                    store(to + point * p->strides.tile_point, (vec)(0.0f));
                continue;
            }
            for (int64_t column = 0; column < SPAN; column++) {
                vec v[SPAN], at[SPAN];
#pragma unroll
                for (int row = 0; row < SPAN; row++)
                    v[row] = load(from + (row * p->tiling.vectors * SPAN + column) * LANES);
                transform_pixels(at, v, KERNEL);
#pragma unroll
                for (int row = 0; row < SPAN; row++)
                    store(to + (row * SPAN + column) * p->strides.tile_point, at[row]);
            }
        }
    }
}

/// products[TILE_K][TILE_P] at one point: sum over channels of filters w[channels][TILE_K] * v[channels][TILE_P], added
/// to the previous products if `adds`.
static inline __attribute__((always_inline)) void multiply(float *restrict products, const float *restrict w,
                                                           const float *restrict v, int64_t channels, bool adds) {
#pragma clang fp contract(fast)
    vec sum[TILE_K][TILE_P];
#pragma unroll
    for (int k = 0; k < TILE_K; k++)
#pragma unroll
        for (int i = 0; i < TILE_P; i++)
            sum[k][i] = adds ? load(products + (k * TILE_P + i) * LANES) : (vec)(0.0f);
    for (int64_t c = 0; c < channels; c++, w += TILE_K, v += TILE_P * LANES) {
        vec x[TILE_P];
#pragma unroll
        for (int i = 0; i < TILE_P; i++)
            x[i] = load(v + i * LANES);
#pragma unroll
        for (int k = 0; k < TILE_K; k++) {
            vec weight = (vec)(w[k]);
#pragma unroll
            for (int i = 0; i < TILE_P; i++)
                sum[k][i] += weight * x[i];
        }
    }
#pragma unroll
    for (int k = 0; k < TILE_K; k++)
#pragma unroll
        for (int i = 0; i < TILE_P; i++)
            store(products + (k * TILE_P + i) * LANES, sum[k][i]);
}

/// products[POINTS] of one block of filters and one of tiles.
static void multiply_points(float *products, const float *w, const float *v, const ck_winograd_plan *p,
                            int64_t channels, bool adds, prefetch_list *next) {
    for (int64_t point = 0; point < POINTS; point++) {
        prefetch(next);
        multiply(products, w, v, channels, adds);
        products += p->strides.product_point;
        w += p->geometry.c * TILE_K;
        v += p->strides.tile_point;
    }
}

/// lines[rows of tiles * 4][pitch] = outputs of one filter of a strip from its products. Blocks of products are
/// product_block floats apart.
static void store_outputs(float *restrict lines, const float *restrict products, const ck_winograd_plan *p,
                          int64_t product_block, float bias, int64_t rows, int64_t pitch) {
    // Offsets of the 4 vectors of a row: each row of tiles in a vector has 4 / fold of them.
    int64_t at[CK_TILE];
    for (int64_t q = 0; q < CK_TILE; q++)
        at[q] = q * p->tiling.fold / CK_TILE * CK_TILE * pitch + q % (CK_TILE / p->tiling.fold) * LANES;
    for (int64_t i = 0; i < rows * p->tiling.vectors; i++) {
        const float *from = products + i / TILE_P * product_block + i % TILE_P * LANES;
        float *to =
            lines + i / p->tiling.vectors * p->tiling.fold * CK_TILE * pitch + i % p->tiling.vectors * LANES * CK_TILE;
        vec half[SPAN][CK_TILE];
#pragma unroll
        for (int column = 0; column < SPAN; column++) {
            vec m[SPAN];
#pragma unroll
            for (int row = 0; row < SPAN; row++)
                m[row] = load(from + (row * SPAN + column) * p->strides.product_point);
            // A value added at the point (1, 1) is added to every output.
            if (column == 1)
                m[1] += (vec)(bias);
            transform_products(half[column], m, KERNEL);
        }
#pragma unroll
        for (int row = 0; row < CK_TILE; row++) {
            vec m[SPAN], y[CK_TILE], out[CK_TILE];
#pragma unroll
            for (int column = 0; column < SPAN; column++)
                m[column] = half[column][row];
            transform_products(y, m, KERNEL);
            join_tiles(out, y);
#pragma unroll
            for (int q = 0; q < CK_TILE; q++)
                store(to + at[q] + row * pitch, out[q]);
        }
    }
}

static void correlate(const ck_winograd_plan *p, const ck_outputs *y, const ck_planes *x, const float *panels,
                      const float *b, int64_t strip, float *buffers) {
    float *tiles = buffers, *products = buffers + p->buffers.products, *outputs = buffers + p->buffers.outputs;
    const ck_planes out = {.values = y->values, .h = y->oh, .w = y->ow, .is_pooled = y->pooling != CK_POOLING_NONE};
    const int64_t panel = ck_round_up(POINTS * p->geometry.c * TILE_K, 16);
    const int64_t product_panel = POINTS * p->strides.product_point,
                  product_block = p->tiling.filters / TILE_K * product_panel;
    const int64_t row = p->tiling.fold * CK_TILE, first = strip / p->tiling.across * p->tiling.rows * row;
    const int64_t rows = ck_min(p->tiling.rows * row, p->geometry.oh - first);
    const int64_t tile_rows = ck_ceil_div(rows, row), pitch = p->tiling.vectors * LANES * CK_TILE / p->tiling.fold;
    const int64_t left = strip % p->tiling.across * pitch;
    const int64_t blocks = ck_ceil_div(tile_rows * p->tiling.vectors, TILE_P);
    for (int64_t k = 0; k < p->geometry.k; k += p->tiling.filters) {
        int64_t filters = ck_min(p->tiling.filters, p->geometry.k - k);
        for (int64_t c = 0; c < p->geometry.c; c += p->tiling.channels) {
            int64_t channels = ck_min(p->tiling.channels, p->geometry.c - c);
            if (k == 0 || p->tiling.channels < p->geometry.c)
                transform_tiles(tiles, x, p, strip, c, channels, channels, TILE_P, buffers);
            for (int64_t block = 0; block < blocks; block++)
                for (int64_t i = 0; i < filters; i += TILE_K) {
                    // Prefetches the outputs, which are written once their products are complete.
                    bool is_last = block + 1 == blocks && c + channels == p->geometry.c;
                    prefetch_list next = prefetch_part(&out, k + i, is_last ? ck_min(TILE_K, filters - i) : 0, first,
                                                       rows, left, pitch, POINTS);
                    multiply_points(products + block * product_block + i / TILE_K * product_panel,
                                    panels + (k + i) / TILE_K * panel + c * TILE_K,
                                    tiles + block * POINTS * p->strides.tile_point, p, channels, c > 0, &next);
                }
        }
        for (int64_t i = 0; i < filters; i++) {
            store_outputs(outputs, products + i / TILE_K * product_panel + i % TILE_K * TILE_P * LANES, p,
                          product_block, b ? b[k + i] : 0, tile_rows, pitch);
            store_part(y, outputs, k + i, first, rows, left, pitch);
        }
    }
}

#include "conv2d/winograd/conv2d_winograd_sum.h"

#undef transform_filters
#undef transform_rows
#undef transform_tiles
#undef multiply
#undef multiply_points
#undef store_outputs
#undef correlate
#undef SPAN
#undef POINTS

static const ck_winograd_variant NAME(variant) = {
    .isa = ISA,
    .lanes = LANES,
    .kernel = KERNEL,
    .k = TILE_K,
    .p = TILE_P,
    .sum_c = SUM_C,
    .sum_v = SUM_V,
    .transform_filters = NAME(transform_filters),
    .correlate = NAME(correlate),
    .sum_products = NAME(sum_products),
    .transform_sums = NAME(transform_sums),
};

#undef KERNEL
#undef TILE_K
#undef TILE_P
#undef SUM_C
#undef SUM_V
#undef NAME
