/// The inner loops of direct convolution, included once for each register block, after conv2d_direct_lanes.h, with
///   ISA      instruction set
///   TILE_K   filters of a block
///   TILE_P   vectors of pixels (correlate) or of taps (sum_products) of a block
///   NAME(x)  the name of x for this block
/// No OpenMP here: the outlined body of a parallel region loses its target attribute.

#define tile NAME(tile)
#define correlate NAME(correlate)
#define copy_gradient NAME(copy_gradient)
#define dot NAME(dot)
#define sum_products NAME(sum_products)
/// Vectors that hold one float for each filter and tap of a block.
#define PAIRS ((TILE_K * TILE_P + LANES - 1) / LANES)

/// TILE_K filters at TILE_P vectors of pixels; all sums stay in registers. `w` is a panel: a row of TILE_K biases, then
/// one row of weights for each channel and tap. Vector p is stored at out + to[p].
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
    // Prefetches the destination.
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

static void correlate(const ck_direct_plan *plan, const ck_outputs *y, const ck_planes *x, const float *panels,
                      int64_t first, float *band) {
    const int64_t most = ck_min(plan->tiling.rows, plan->geometry.oh - first);
    float *buffer = band + plan->geometry.c * plan->band.plane, *unfinished = buffer + plan->buffers.row;
    copy_band(band, x, plan, first, most, buffer);
    prefetch_list next = prefetch_next_rows(x, plan->geometry.c,
                                            plan->geometry.top + plan->geometry.r - plan->geometry.stride_h +
                                                (first + most) * plan->geometry.stride_h,
                                            plan->tiling.rows * plan->geometry.stride_h,
                                            plan->parts * most * ck_ceil_div(plan->geometry.ow, LANES * TILE_P));
    // Outputs that are interleaved or pooled go to a buffer first.
    const bool is_buffered = plan->buffers.unfinished > 0;
    const int64_t out_plane = is_buffered ? most * plan->geometry.ow : plan->output.plane;
    for (int64_t index = 0; index < plan->parts; index++) {
        const ck_direct_part *part = &plan->part[index];
        if (part->taps == 0)
            continue;
        float *out = is_buffered ? unfinished + index * plan->geometry.k * out_plane : y->values;
        int64_t rows = ck_min(plan->tiling.rows, part->oh - first), width = ck_ceil_div(part->ow, LANES);
        int64_t lanes = ck_min(LANES, part->ow), row = 0, column = 0;
        for (int64_t v = 0; v < rows * width; v += TILE_P) {
            int64_t at[TILE_P], to[TILE_P];
            for (int64_t p = 0; p < TILE_P; p++) {
                // The last vector ends at the end of the row. It overlaps the one before it with equal results.
                int64_t start = ck_min(column, part->ow - lanes);
                at[p] = row * plan->band.row_step * plan->band.row + start;
                to[p] = (is_buffered ? row : first + row) * plan->geometry.ow + start;
                // Past the last vector of a band, repeat it.
                if (v + p + 1 < rows * width && (column += LANES) >= part->ow) {
                    column = 0;
                    row++;
                }
            }
            prefetch(&next);
            const float *w = panels + part->panels;
            for (int64_t k = 0; k < plan->geometry.k; k += TILE_K, w += part->panel) {
                tile(out, y->residual, !is_buffered && y->relu, to, out_plane, ck_min(TILE_K, plan->geometry.k - k),
                     lanes, band, plan->band.plane, at, w, plan->geometry.c, plan->tap_offset + part->first_tap,
                     part->taps);
                for (int64_t p = 0; p < TILE_P; p++)
                    to[p] += TILE_K * out_plane;
            }
        }
    }
    if (plan->parts > 1)
        join_parts(y->values, unfinished, plan, first, most);
    else if (is_buffered)
        finish_rows(y, unfinished, plan->geometry.k, first, most);
}

/// panel[rows][vectors of a row][TILE_K][LANES] = gy of filters k ... k + filters - 1 in rows first ...
/// first + rows - 1, padded with zeros; adds their sums to bias[TILE_K].
static void copy_gradient(float *restrict panel, float *restrict bias, const ck_planes *gy, const ck_direct_plan *plan,
                          int64_t k, int64_t filters, int64_t first, int64_t rows, float *buffer) {
    const int64_t vectors = ck_ceil_div(plan->geometry.ow, LANES);
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
            const float *end = in == buffer ? buffer + plan->buffers.row : gy->end;
            for (int64_t column = 0; column < plan->geometry.ow; column += LANES, out += TILE_K * LANES) {
                vec v;
                int64_t lanes = plan->geometry.ow - column;
                if (lanes >= LANES) {
                    v = load(in + column);
                } else if (end - in - column >= LANES) {
                    // The floats that follow the row in memory are readable.
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

/// sums[TILE_K * TILE_P] += for each filter and tap, the dot product of the vectors of gy and x.
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
        // Halves the number of vectors until lane i of the rest is the sum of vector i.
#pragma unroll
    for (int count = PAIRS * LANES; count > PAIRS; count /= 2)
#pragma unroll
        for (int i = 0; i < count / 2; i++)
            sum[i] = add_neighbors(sum[2 * i], sum[2 * i + 1], count * 4 <= PAIRS * LANES);
#pragma unroll
    for (int i = 0; i < PAIRS; i++)
        store(sums + i * LANES, load(sums + i * LANES) + sum[i]);
}

static void sum_products(const ck_direct_plan *plan, float *sums, const ck_planes *gy, const ck_planes *x,
                         int64_t first, float *band) {
    const int64_t rows = ck_min(plan->tiling.rows, plan->geometry.oh - first), taps = plan->part[0].taps,
                  all = plan->geometry.c * taps;
    float *buffer = band + plan->geometry.c * plan->band.plane, *panel = buffer + plan->buffers.row;
    copy_band(band, x, plan, first, rows, buffer);
    const int64_t groups = ck_ceil_div(all, TILE_P);
    prefetch_list next_x = prefetch_next_rows(
        x, plan->geometry.c,
        plan->geometry.top + plan->geometry.r - plan->geometry.stride_h + (first + rows) * plan->geometry.stride_h,
        plan->tiling.rows * plan->geometry.stride_h, ck_ceil_div(plan->geometry.k, TILE_K) * groups);
    for (int64_t k = 0; k < plan->geometry.k; k += TILE_K) {
        int64_t filters = ck_min(TILE_K, plan->geometry.k - k);
        // Prefetches the block that is copied next.
        prefetch_list next =
            k + TILE_K < plan->geometry.k
                ? prefetch_rows(gy, k + TILE_K, ck_min(TILE_K, plan->geometry.k - k - TILE_K), first, rows, groups)
                : prefetch_next_rows(gy, ck_min(TILE_K, plan->geometry.k), first + rows, plan->tiling.rows, groups);
        float *bias = sums + ck_ceil_div(all, TILE_P) * PAIRS * LANES;
        copy_gradient(panel, bias, gy, plan, k, filters, first, rows, buffer);
        int64_t channel = 0, tap = 0;
        for (int64_t i = 0; i < all; i += TILE_P, sums += PAIRS * LANES) {
            int64_t at[TILE_P];
            for (int64_t p = 0; p < TILE_P; p++) {
                at[p] = channel * plan->band.plane + plan->tap_offset[tap];
                // Past the last tap, repeat it. Its sums are not read.
                if (i + p + 1 < all && ++tap == taps) {
                    tap = 0;
                    channel++;
                }
            }
            prefetch(&next);
            prefetch(&next_x);
            dot(sums, panel, band, at, rows, plan->band.row_step * plan->band.row, plan->geometry.ow);
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

static const ck_direct_variant NAME(variant) = {
    .isa = ISA,
    .lanes = LANES,
    .k = TILE_K,
    .p = TILE_P,
    .correlate = NAME(correlate),
    .sum_products = NAME(sum_products),
};

#undef TILE_K
#undef TILE_P
#undef NAME
