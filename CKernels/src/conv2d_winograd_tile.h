/// The inner loops of the transform form, included once for each block of registers, after conv2d_winograd_lanes.h,
/// with
///   TILE_K   filters of a block
///   TILE_P   vectors of tiles of a block
///   SUM_C    channels of a block of weight gradients
///   SUM_V    vectors of filters of a block of weight gradients
///   NAME(x)  the name of x for this block
/// No OpenMP here: the outlined body of a parallel region loses its target.

#define transform_filters NAME(transform_filters)
#define multiply NAME(multiply)
#define store_outputs NAME(store_outputs)
#define multiply_points NAME(multiply_points)
#define correlate NAME(correlate)
#define transform_taps NAME(transform_taps)
#define add_products NAME(add_products)
#define sum_products NAME(sum_products)
#define transform_sums NAME(transform_sums)
/// Points whose sums are made side by side: enough sums to hide the latency of one.
#define SUM_POINTS (SUM_C * SUM_V < 8 ? 2 : 1)

/// 5 taps of TILE_K filters at the 8 points; the taps lie `step` rows of TILE_K apart, the results to_step.
static inline __attribute__((always_inline)) void transform_taps(float *restrict to, int64_t to_step,
                                                                 const float *restrict w, int64_t step) {
#pragma clang fp contract(fast)
    for (int k = 0; k < TILE_K; k++) {
        float g[CK_KERNEL];
#pragma unroll
        for (int t = 0; t < CK_KERNEL; t++)
            g[t] = w[t * step * TILE_K + k];
        to[k] = g[0];
        to[7 * to_step * TILE_K + k] = g[4];
        float even = g[0] + g[2] + g[4], odd = g[1] + g[3];
        to[1 * to_step * TILE_K + k] = -2.0f / 9 * (even + odd);
        to[2 * to_step * TILE_K + k] = -2.0f / 9 * (even - odd);
        even = g[0] + 4.0f * g[2] + 16.0f * g[4];
        odd = 2.0f * g[1] + 8.0f * g[3];
        to[3 * to_step * TILE_K + k] = 1.0f / 90 * (even + odd);
        to[4 * to_step * TILE_K + k] = 1.0f / 90 * (even - odd);
        even = g[0] + 0.25f * g[2] + 0.0625f * g[4];
        odd = 0.5f * g[1] + 0.125f * g[3];
        to[5 * to_step * TILE_K + k] = 32.0f / 45 * (even + odd);
        to[6 * to_step * TILE_K + k] = 32.0f / 45 * (even - odd);
    }
}

static void transform_filters(float *restrict panels, const float *restrict w, int64_t filters, int64_t channels,
                              int64_t of_k, int64_t of_c, int64_t step) {
    float taps[CK_KERNEL * CK_KERNEL * TILE_K] = {0}, half[CK_SPAN * CK_KERNEL * TILE_K], all[CK_POINTS * TILE_K];
    for (int64_t c = 0; c < channels; c++, w += of_c) {
        for (int64_t t = 0; t < CK_KERNEL * CK_KERNEL; t++)
            for (int64_t k = 0; k < filters; k++)
                taps[t * TILE_K + k] = w[k * of_k + t * step];
        for (int64_t column = 0; column < CK_KERNEL; column++)
            transform_taps(half + column * TILE_K, CK_KERNEL, taps + column * TILE_K, CK_KERNEL);
        for (int64_t row = 0; row < CK_SPAN; row++)
            transform_taps(all + row * CK_SPAN * TILE_K, 1, half + row * CK_KERNEL * TILE_K, 1);
        for (int64_t point = 0; point < CK_POINTS; point++)
            memcpy(panels + (point * channels + c) * TILE_K, all + point * TILE_K, sizeof *all * TILE_K);
    }
}

/// products[TILE_K][TILE_P] (+)= at one point, sum over channels of filters w[channels][TILE_K] * v[channels][TILE_P].
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

/// lines[rows * 4][pitch] = outputs of one filter of a strip from its products, which lie product_block floats apart
/// from block to block.
static void store_outputs(float *restrict lines, const float *restrict products, const ck_winograd_plan *p,
                          int64_t product_block, float bias, int64_t rows) {
    const int64_t pitch = p->vectors * LANES * CK_TILE;
    for (int64_t i = 0; i < rows * p->vectors; i++) {
        const float *from = products + i / TILE_P * product_block + i % TILE_P * LANES;
        vec half[CK_SPAN][CK_TILE];
#pragma unroll
        for (int column = 0; column < CK_SPAN; column++) {
            vec m[CK_SPAN];
#pragma unroll
            for (int row = 0; row < CK_SPAN; row++)
                m[row] = load(from + (row * CK_SPAN + column) * p->product_point);
            // What is added at the point (1, 1) is added to every output.
            if (column == 1)
                m[1] += (vec)(bias);
            transform_products(half[column], m);
        }
#pragma unroll
        for (int row = 0; row < CK_TILE; row++) {
            vec m[CK_SPAN], y[CK_TILE];
#pragma unroll
            for (int column = 0; column < CK_SPAN; column++)
                m[column] = half[column][row];
            transform_products(y, m);
            join_tiles(lines + (i / p->vectors * CK_TILE + row) * pitch + i % p->vectors * LANES * CK_TILE, y);
        }
    }
}

/// products[64] of one block of filters and tiles.
static void multiply_points(float *products, const float *w, const float *v, const ck_winograd_plan *p,
                            int64_t channels, bool adds, ahead *next) {
    for (int64_t point = 0; point < CK_POINTS; point++) {
        prefetch(next);
        multiply(products, w, v, channels, adds);
        products += p->product_point;
        w += p->c * TILE_K;
        v += p->tile_point;
    }
}

static void correlate(const ck_winograd_plan *p, const ck_outputs *y, const ck_planes *x, const float *panels,
                      const float *b, int64_t strip, float *buffers) {
    float *tiles = buffers, *products = buffers + p->products, *outputs = buffers + p->outputs;
    const ck_planes out = {.values = y->values, .h = y->oh, .w = y->ow, .is_pooled = y->pooling != CK_POOLING_NONE};
    const int64_t panel = ck_round_up(CK_POINTS * p->c * TILE_K, 16);
    const int64_t product_panel = CK_POINTS * p->product_point, product_block = p->filters / TILE_K * product_panel;
    const int64_t first = strip * p->rows * CK_TILE, rows = ck_min(p->rows * CK_TILE, p->oh - first);
    const int64_t tile_rows = ck_ceil_div(rows, CK_TILE), blocks = ck_ceil_div(tile_rows * p->vectors, TILE_P);
    for (int64_t k = 0; k < p->k; k += p->filters) {
        int64_t filters = ck_min(p->filters, p->k - k);
        for (int64_t c = 0; c < p->c; c += p->channels) {
            int64_t channels = ck_min(p->channels, p->c - c);
            if (k == 0 || p->channels < p->c)
                transform_tiles(tiles, x, p, strip, c, channels, channels, TILE_P, buffers);
            for (int64_t block = 0; block < blocks; block++)
                for (int64_t i = 0; i < filters; i += TILE_K) {
                    // Where the outputs go is fetched too: it is written as soon as these are complete.
                    bool is_last = block + 1 == blocks && c + channels == p->c;
                    ahead next =
                        next_rows_of(&out, k + i, is_last ? ck_min(TILE_K, filters - i) : 0, first, rows, CK_POINTS);
                    multiply_points(products + block * product_block + i / TILE_K * product_panel,
                                    panels + (k + i) / TILE_K * panel + c * TILE_K,
                                    tiles + block * CK_POINTS * p->tile_point, p, channels, c > 0, &next);
                }
        }
        for (int64_t i = 0; i < filters; i++) {
            store_outputs(outputs, products + i / TILE_K * product_panel + i % TILE_K * TILE_P * LANES, p,
                          product_block, b ? b[k + i] : 0, tile_rows);
            store_rows(y, outputs, k + i, first, rows, p->vectors * LANES * CK_TILE);
        }
    }
}

/// sums[SUM_POINTS][channels][SUM_V] += for SUM_C channels, products of x[SUM_C][rows][pitch] and gradients
/// [rows * tiles][SUM_V].
static inline __attribute__((always_inline)) void add_products(float *restrict sums, int64_t sum_point,
                                                               const float *restrict x, const float *restrict gradients,
                                                               const ck_winograd_plan *p, int64_t rows, int64_t tiles) {
#pragma clang fp contract(fast)
    const int64_t pitch = p->vectors * LANES, channel = p->rows * pitch;
    vec sum[SUM_POINTS][SUM_C][SUM_V];
#pragma unroll
    for (int point = 0; point < SUM_POINTS; point++)
#pragma unroll
        for (int c = 0; c < SUM_C; c++)
#pragma unroll
            for (int v = 0; v < SUM_V; v++)
                sum[point][c][v] = (vec)(0.0f);
    for (int64_t row = 0; row < rows; row++, x += pitch)
        for (int64_t tile = 0; tile < tiles; tile++, gradients += SUM_V * LANES)
#pragma unroll
            for (int point = 0; point < SUM_POINTS; point++) {
                vec g[SUM_V];
#pragma unroll
                for (int v = 0; v < SUM_V; v++)
                    g[v] = load(gradients + point * p->product_point + v * LANES);
#pragma unroll
                for (int c = 0; c < SUM_C; c++) {
                    vec pixel = (vec)(x[point * p->tile_point + c * channel + tile]);
#pragma unroll
                    for (int v = 0; v < SUM_V; v++)
                        sum[point][c][v] += pixel * g[v];
                }
            }
#pragma unroll
    for (int point = 0; point < SUM_POINTS; point++)
#pragma unroll
        for (int c = 0; c < SUM_C; c++)
#pragma unroll
            for (int v = 0; v < SUM_V; v++) {
                float *to = sums + point * sum_point + (c * SUM_V + v) * LANES;
                store(to, load(to) + sum[point][c][v]);
            }
}

static void sum_products(const ck_winograd_plan *p, float *sums, const ck_planes *gy, const ck_planes *x, int64_t strip,
                         float *buffers) {
    float *tiles = buffers, *gradients = buffers + p->products, *lines = buffers + p->lines;
    const int64_t first = strip * p->rows, rows = ck_min(p->rows, p->tile_rows - first);
    const int64_t across = ck_ceil_div(p->ow, CK_TILE), all = ck_round_up(p->c, SUM_C);
    const int64_t sum_point = all * SUM_V * LANES;
    float *biases = sums + ck_ceil_div(p->k, SUM_V * LANES) * p->sum_block;
    for (int64_t c = 0; c < p->c; c += p->channels) {
        int64_t channels = ck_min(p->channels, p->c - c), count = ck_round_up(channels, SUM_C);
        transform_tiles(tiles, x, p, strip, c, channels, count, p->rows * p->vectors, buffers);
        float *pixels = lines + LANES * gradient_row(p);
        memset(lines, 0, sizeof *lines * (size_t)(LANES * gradient_row(p)));
        for (int64_t k = 0; k < p->k; k += SUM_V * LANES) {
            for (int64_t v = 0; v < SUM_V; v++)
                for (int64_t row = 0; row < rows; row++) {
                    int64_t at = k + v * LANES, y = (first + row) * CK_TILE;
                    bool is_last = row + 1 == rows, are_all = is_last && at + LANES >= p->k;
                    // The rows below, or the next filters', or the next strip's.
                    int64_t next_k = are_all ? 0 : is_last ? at + LANES : at;
                    int64_t next_y = is_last && !are_all ? first * CK_TILE : y + CK_TILE;
                    ahead next = next_rows_of(gy, next_k, ck_min(LANES, p->k - next_k), next_y, CK_TILE, across);
                    gather_gradients(pixels, gy, p, at, y, lines, buffers + p->row);
                    vec sum = transform_gradient_row(gradients + (row * across * SUM_V + v) * LANES, pixels, p, across,
                                                     SUM_V * LANES, &next);
                    if (c == 0)
                        store(biases + at, load(biases + at) + sum);
                }
            float *to = sums + k / (SUM_V * LANES) * p->sum_block + c * SUM_V * LANES;
            for (int64_t point = 0; point < CK_POINTS; point += SUM_POINTS)
                for (int64_t i = 0; i < count; i += SUM_C)
                    add_products(to + point * sum_point + i * SUM_V * LANES, sum_point,
                                 tiles + point * p->tile_point + i * p->rows * p->vectors * LANES,
                                 gradients + point * p->product_point, p, rows, across);
        }
    }
}

static void transform_sums(const ck_winograd_plan *p, float *taps, const float *sums) {
    const int64_t point = ck_round_up(p->c, SUM_C) * SUM_V * LANES;
    for (int64_t k = 0; k < p->k; k += SUM_V * LANES, sums += p->sum_block)
        for (int64_t c = 0; c < p->c; c++, taps += CK_KERNEL * CK_KERNEL * SUM_V * LANES)
            for (int64_t v = 0; v < SUM_V; v++) {
                const float *from = sums + (c * SUM_V + v) * LANES;
                vec half[CK_SPAN][CK_KERNEL];
#pragma unroll
                for (int column = 0; column < CK_SPAN; column++) {
                    vec m[CK_SPAN];
#pragma unroll
                    for (int row = 0; row < CK_SPAN; row++)
                        m[row] = load(from + (row * CK_SPAN + column) * point);
                    transform_taps_back(half[column], m);
                }
#pragma unroll
                for (int row = 0; row < CK_KERNEL; row++) {
                    vec m[CK_SPAN], w[CK_KERNEL];
#pragma unroll
                    for (int column = 0; column < CK_SPAN; column++)
                        m[column] = half[column][row];
                    transform_taps_back(w, m);
#pragma unroll
                    for (int column = 0; column < CK_KERNEL; column++)
                        store(taps + ((row * CK_KERNEL + column) * SUM_V + v) * LANES, w[column]);
                }
            }
    memcpy(taps, sums, sizeof *taps * (size_t)ck_round_up(p->k, SUM_V * LANES));
}

#undef transform_filters
#undef multiply
#undef store_outputs
#undef multiply_points
#undef correlate
#undef transform_taps
#undef add_products
#undef sum_products
#undef transform_sums
#undef SUM_POINTS
#undef SUM_C
#undef SUM_V
#undef TILE_K
#undef TILE_P
#undef NAME
