/// The inner loops of direct convolution, included once for each block of registers, after conv2d_direct_lanes.h, with
///   TILE_K   filters of a block
///   TILE_P   vectors of pixels (correlate) or of taps (sum_products) of a block
///   NAME(x)  the name of x for this block
/// No OpenMP here: the outlined body of a parallel region loses its target.

#define tile NAME(tile)
#define correlate NAME(correlate)
#define copy_gradient NAME(copy_gradient)
#define dot NAME(dot)
#define sum_products NAME(sum_products)
/// Vectors that hold a number for each filter and tap of a block.
#define PAIRS ((TILE_K * TILE_P + LANES - 1) / LANES)

/// TILE_K filters at TILE_P vectors of pixels: all products of a block stay in registers. `w` is a panel: a row of
/// TILE_K biases, then one of weights for each channel and tap.
static inline __attribute__((always_inline)) void tile(float *const out[TILE_P], int64_t out_plane, int64_t filters,
                                                       int64_t lanes, const float *x, int64_t plane,
                                                       const int64_t at[TILE_P], const float *restrict w,
                                                       int64_t channels, const int32_t *restrict offset, int64_t taps) {
#pragma clang fp contract(fast)
    vec sum[TILE_K][TILE_P];
#pragma unroll
    for (int k = 0; k < TILE_K; k++)
#pragma unroll
        for (int p = 0; p < TILE_P; p++)
            sum[k][p] = (vec)(w[k]);
    w += TILE_K;
    for (int64_t c = 0; c < channels; c++, x += plane)
        for (int64_t t = 0; t < taps; t++, w += TILE_K) {
            const float *tap = x + offset[t];
            vec v[TILE_P];
#pragma unroll
            for (int p = 0; p < TILE_P; p++)
                v[p] = load(tap + at[p]);
#pragma unroll
            for (int k = 0; k < TILE_K; k++) {
                vec weight = (vec)(w[k]);
#pragma unroll
                for (int p = 0; p < TILE_P; p++)
                    sum[k][p] += weight * v[p];
            }
        }
    if (lanes == LANES) {
#pragma unroll
        for (int k = 0; k < TILE_K; k++)
            if (k < filters)
#pragma unroll
                for (int p = 0; p < TILE_P; p++)
                    store(out[p] + k * out_plane, sum[k][p]);
        return;
    }
    float whole[TILE_K][TILE_P][LANES];
#pragma unroll
    for (int k = 0; k < TILE_K; k++)
#pragma unroll
        for (int p = 0; p < TILE_P; p++)
            store(whole[k][p], sum[k][p]);
    for (int64_t k = 0; k < filters; k++)
        for (int p = 0; p < TILE_P; p++) {
            float *to = out[p] + k * out_plane;
            for (int64_t i = 0; i < lanes; i++)
                to[i] = whole[k][p][i];
        }
}

static void correlate(const ck_direct_plan *g, float *y, const float *x, const float *panels, int64_t first,
                      float *band) {
    int64_t most = ck_min(g->rows, g->oh - first);
    copy_band(band, x, g, first, most);
    ahead next = next_rows(x, g->c, g->h, g->w, g->top + g->r - g->stride_h + (first + most) * g->stride_h,
                           g->rows * g->stride_h, g->parts * most * ck_ceil_div(g->ow, LANES * TILE_P));
    // Several parts are put together when all of them are there.
    float *parts = band + g->c * g->plane;
    const int64_t out_plane = g->parts > 1 ? g->rows * g->ow : g->out_plane;
    for (int64_t index = 0; index < g->parts; index++) {
        const ck_direct_part *part = &g->part[index];
        if (part->taps == 0)
            continue;
        float *to = g->parts > 1 ? parts + index * g->k * out_plane : y + first * g->ow;
        int64_t rows = ck_min(g->rows, part->oh - first), width = ck_ceil_div(part->ow, LANES);
        int64_t lanes = ck_min(LANES, part->ow), row = 0, column = 0;
        for (int64_t v = 0; v < rows * width; v += TILE_P) {
            int64_t at[TILE_P];
            float *out[TILE_P];
            for (int64_t p = 0; p < TILE_P; p++) {
                // The last vector of a row ends where the row does, and overlaps the one before it with equal results.
                int64_t start = ck_min(column, part->ow - lanes);
                at[p] = row * g->row_step * g->row + start;
                out[p] = to + row * g->ow + start;
                // After the last vector of a band that one again.
                if (v + p + 1 < rows * width && (column += LANES) >= part->ow) {
                    column = 0;
                    row++;
                }
            }
            prefetch(&next);
            const float *w = panels + part->panels;
            for (int64_t k = 0; k < g->k; k += TILE_K, w += part->panel) {
                tile(out, out_plane, ck_min(TILE_K, g->k - k), lanes, band, g->plane, at, w, g->c,
                     g->tap_offset + part->first_tap, part->taps);
                for (int64_t p = 0; p < TILE_P; p++)
                    out[p] += TILE_K * out_plane;
            }
        }
    }
    if (g->parts > 1)
        join_parts(y, parts, g, first);
}

/// panel[rows][vectors of a row][TILE_K][LANES] = gy of TILE_K filters, zeros after the end of a row; adds their sums
/// to bias[TILE_K]. The rows are first ... first + rows - 1 of gy[filters][OH][OW].
static void copy_gradient(float *restrict panel, float *restrict bias, const float *restrict gy,
                          const ck_direct_plan *g, int64_t filters, int64_t first, int64_t rows) {
    gy += first * g->ow;
    const float *end = gy + filters * g->out_plane - first * g->ow;
    vec sum[TILE_K] = {};
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < g->ow; column += LANES, panel += TILE_K * LANES) {
            const float *in = gy + row * g->ow + column;
            int64_t lanes = ck_min(LANES, g->ow - column);
            for (int64_t k = 0; k < TILE_K; k++, in += g->out_plane) {
                vec v = (vec)(0.0f);
                if (k >= filters) {
                    store(panel + k * LANES, v);
                    continue;
                }
                if (lanes == LANES) {
                    v = load(in);
                } else if (end - in >= LANES) {
                    // What follows the row in memory is gy too.
                    v = first_elements(load(in), lanes);
                } else {
                    float part[LANES] = {};
                    for (int64_t i = 0; i < lanes; i++)
                        part[i] = in[i];
                    v = load(part);
                }
                store(panel + k * LANES, v);
                sum[k] += v;
            }
        }
    for (int64_t k = 0; k < filters; k++) {
        float total = 0;
        for (int64_t i = 0; i < LANES; i++)
            total += sum[k][i];
        bias[k] += total;
    }
}

/// sums[TILE_K * TILE_P] += for each filter and tap, the products of gy's and x's vectors, summed.
static inline __attribute__((always_inline)) void dot(float *sums, const float *restrict panel, const float *x,
                                                      const int64_t at[TILE_P], int64_t rows, int64_t row_floats,
                                                      int64_t width) {
#pragma clang fp contract(fast)
    vec sum[PAIRS * LANES];
#pragma unroll
    for (int i = 0; i < PAIRS * LANES; i++)
        sum[i] = (vec)(0.0f);
    for (int64_t row = 0; row < rows; row++, x += row_floats)
        for (int64_t i = 0; i < width; i += LANES, panel += TILE_K * LANES) {
            vec v[TILE_P];
#pragma unroll
            for (int p = 0; p < TILE_P; p++)
                v[p] = load(x + at[p] + i);
#pragma unroll
            for (int k = 0; k < TILE_K; k++) {
                vec gradient = load(panel + k * LANES);
#pragma unroll
                for (int p = 0; p < TILE_P; p++)
                    sum[k * TILE_P + p] += gradient * v[p];
            }
        }
        // Halves the vectors until lane i of those left is the sum of the i-th vector.
#pragma unroll
    for (int count = PAIRS * LANES; count > PAIRS; count /= 2)
#pragma unroll
        for (int i = 0; i < count / 2; i++)
            sum[i] = add_neighbours(sum[2 * i], sum[2 * i + 1], count * 4 <= PAIRS * LANES);
#pragma unroll
    for (int i = 0; i < PAIRS; i++)
        store(sums + i * LANES, load(sums + i * LANES) + sum[i]);
}

static void sum_products(const ck_direct_plan *g, float *sums, const float *gy, const float *x, int64_t first,
                         float *band) {
    const int64_t rows = ck_min(g->rows, g->oh - first), taps = g->part[0].taps, all = g->c * taps;
    float *panel = band + g->c * g->plane;
    copy_band(band, x, g, first, rows);
    ahead next_x = next_rows(x, g->c, g->h, g->w, g->top + g->r - g->stride_h + (first + rows) * g->stride_h,
                             g->rows * g->stride_h, ck_ceil_div(g->k, TILE_K));
    const int64_t groups = ck_ceil_div(all, TILE_P);
    for (int64_t k = 0; k < g->k; k += TILE_K) {
        int64_t filters = ck_min(TILE_K, g->k - k);
        // The block that is copied after this one.
        ahead next = k + TILE_K < g->k
                         ? next_rows(gy + (k + TILE_K) * g->out_plane, ck_min(TILE_K, g->k - k - TILE_K), g->oh, g->ow,
                                     first, rows, groups)
                         : next_rows(gy, ck_min(TILE_K, g->k), g->oh, g->ow, first + rows, g->rows, groups);
        prefetch(&next_x);
        float *bias = sums + ck_ceil_div(all, TILE_P) * PAIRS * LANES;
        copy_gradient(panel, bias, gy + k * g->out_plane, g, filters, first, rows);
        int64_t channel = 0, tap = 0;
        for (int64_t i = 0; i < all; i += TILE_P, sums += PAIRS * LANES) {
            int64_t at[TILE_P];
            for (int64_t p = 0; p < TILE_P; p++) {
                at[p] = channel * g->plane + g->tap_offset[tap];
                // After the last tap that one again; its sums are not read.
                if (i + p + 1 < all && ++tap == taps) {
                    tap = 0;
                    channel++;
                }
            }
            prefetch(&next);
            dot(sums, panel, band, at, rows, g->row_step * g->row, g->ow);
        }
        sums = bias + ck_round_up(TILE_K, LANES);
    }
}

#undef tile
#undef correlate
#undef copy_gradient
#undef dot
#undef sum_products
#undef PAIRS
#undef TILE_K
#undef TILE_P
#undef NAME
