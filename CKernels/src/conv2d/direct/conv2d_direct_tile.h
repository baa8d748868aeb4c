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
/// TILE_K biases, then one of weights for each channel and tap. Vector p goes to[p] floats behind `out`.
static inline __attribute__((always_inline)) void tile(float *out, const float *residual, bool relu,
                                                       const int64_t to[TILE_P], int64_t out_plane, int64_t filters,
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
    // Where the sums go is fetched while they are computed.
#pragma unroll
    for (int k = 0; k < TILE_K; k++)
#pragma unroll
        for (int p = 0; p < TILE_P; p++)
            __builtin_prefetch(out + to[p] + ck_min(k, filters - 1) * out_plane, 1);
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
                for (int p = 0; p < TILE_P; p++) {
                    int64_t place = to[p] + k * out_plane;
                    store(out + place, finish(sum[k][p], residual ? residual + place : NULL, relu));
                }
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
            int64_t place = to[p] + k * out_plane;
            for (int64_t i = 0; i < lanes; i++) {
                float v = whole[k][p][i] + (residual ? residual[place + i] : 0);
                out[place + i] = relu && v <= 0 ? 0 : v;
            }
        }
}

static void correlate(const ck_direct_plan *g, const ck_outputs *y, const ck_planes *x, const float *panels,
                      int64_t first, float *band) {
    const int64_t most = ck_min(g->rows, g->oh - first);
    float *buffer = band + g->c * g->plane, *unfinished = buffer + g->row_buffer;
    copy_band(band, x, g, first, most, buffer);
    ahead next = next_rows(x, g->c, g->top + g->r - g->stride_h + (first + most) * g->stride_h, g->rows * g->stride_h,
                           g->parts * most * ck_ceil_div(g->ow, LANES * TILE_P));
    // What several parts are put together from, and what is pooled, waits until all of it is there.
    const bool waits = g->unfinished > 0;
    const int64_t out_plane = waits ? most * g->ow : g->out_plane;
    for (int64_t index = 0; index < g->parts; index++) {
        const ck_direct_part *part = &g->part[index];
        if (part->taps == 0)
            continue;
        float *out = waits ? unfinished + index * g->k * out_plane : y->values;
        int64_t rows = ck_min(g->rows, part->oh - first), width = ck_ceil_div(part->ow, LANES);
        int64_t lanes = ck_min(LANES, part->ow), row = 0, column = 0;
        for (int64_t v = 0; v < rows * width; v += TILE_P) {
            int64_t at[TILE_P], to[TILE_P];
            for (int64_t p = 0; p < TILE_P; p++) {
                // The last vector of a row ends where the row does, and overlaps the one before it with equal results.
                int64_t start = ck_min(column, part->ow - lanes);
                at[p] = row * g->row_step * g->row + start;
                to[p] = (waits ? row : first + row) * g->ow + start;
                // After the last vector of a band that one again.
                if (v + p + 1 < rows * width && (column += LANES) >= part->ow) {
                    column = 0;
                    row++;
                }
            }
            prefetch(&next);
            const float *w = panels + part->panels;
            for (int64_t k = 0; k < g->k; k += TILE_K, w += part->panel) {
                tile(out, y->residual, !waits && y->relu, to, out_plane, ck_min(TILE_K, g->k - k), lanes, band,
                     g->plane, at, w, g->c, g->tap_offset + part->first_tap, part->taps);
                for (int64_t p = 0; p < TILE_P; p++)
                    to[p] += TILE_K * out_plane;
            }
        }
    }
    if (g->parts > 1)
        join_parts(y->values, unfinished, g, first, most);
    else if (waits)
        finish_rows(y, unfinished, g->k, first, most);
}

/// panel[rows][vectors of a row][TILE_K][LANES] = gy of filters k ... k + filters - 1, zeros after the end of a row and
/// for filters that do not exist; adds their sums to bias[TILE_K]. The rows are first ... first + rows - 1.
static void copy_gradient(float *restrict panel, float *restrict bias, const ck_planes *gy, const ck_direct_plan *g,
                          int64_t k, int64_t filters, int64_t first, int64_t rows, float *buffer) {
    const int64_t vectors = ck_ceil_div(g->ow, LANES);
    vec sum[TILE_K] = {};
    for (int64_t row = 0; row < rows; row++, panel += vectors * TILE_K * LANES)
        for (int64_t i = 0; i < TILE_K; i++) {
            float *out = panel + i * LANES;
            if (i >= filters) {
                for (int64_t v = 0; v < vectors; v++, out += TILE_K * LANES)
                    store(out, (vec)(0.0f));
                continue;
            }
            const float *in = row_of(gy, k + i, first + row, buffer);
            const float *end = in == buffer ? buffer + g->row_buffer : gy->end;
            for (int64_t column = 0; column < g->ow; column += LANES, out += TILE_K * LANES) {
                vec v;
                int64_t lanes = g->ow - column;
                if (lanes >= LANES) {
                    v = load(in + column);
                } else if (end - in - column >= LANES) {
                    // What follows the row in memory is readable too.
                    v = first_elements(load(in + column), lanes);
                } else {
                    float part[LANES] = {};
                    for (int64_t j = 0; j < lanes; j++)
                        part[j] = in[column + j];
                    v = load(part);
                }
                store(out, v);
                sum[i] += v;
            }
        }
    for (int64_t i = 0; i < filters; i++) {
        float total = 0;
        for (int64_t j = 0; j < LANES; j++)
            total += sum[i][j];
        bias[i] += total;
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
            sum[i] = add_neighbors(sum[2 * i], sum[2 * i + 1], count * 4 <= PAIRS * LANES);
#pragma unroll
    for (int i = 0; i < PAIRS; i++)
        store(sums + i * LANES, load(sums + i * LANES) + sum[i]);
}

static void sum_products(const ck_direct_plan *g, float *sums, const ck_planes *gy, const ck_planes *x, int64_t first,
                         float *band) {
    const int64_t rows = ck_min(g->rows, g->oh - first), taps = g->part[0].taps, all = g->c * taps;
    float *buffer = band + g->c * g->plane, *panel = buffer + g->row_buffer;
    copy_band(band, x, g, first, rows, buffer);
    const int64_t groups = ck_ceil_div(all, TILE_P);
    ahead next_x = next_rows(x, g->c, g->top + g->r - g->stride_h + (first + rows) * g->stride_h, g->rows * g->stride_h,
                             ck_ceil_div(g->k, TILE_K) * groups);
    for (int64_t k = 0; k < g->k; k += TILE_K) {
        int64_t filters = ck_min(TILE_K, g->k - k);
        // The block that is copied after this one.
        ahead next = k + TILE_K < g->k
                         ? next_rows_of(gy, k + TILE_K, ck_min(TILE_K, g->k - k - TILE_K), first, rows, groups)
                         : next_rows(gy, ck_min(TILE_K, g->k), first + rows, g->rows, groups);
        float *bias = sums + ck_ceil_div(all, TILE_P) * PAIRS * LANES;
        copy_gradient(panel, bias, gy, g, k, filters, first, rows, buffer);
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
            prefetch(&next_x);
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
