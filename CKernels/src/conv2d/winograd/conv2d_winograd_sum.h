/// Weight gradients with Winograd's transforms, included by conv2d_winograd_tile.h with its macros defined: at each
/// point, the products of transformed pixels and transformed gradients, summed over tiles. Vectors hold filters.

#define transform_gradient_row NAME(transform_gradient_row)
#define add_products NAME(add_products)
#define sum_products NAME(sum_products)
#define transform_sums NAME(transform_sums)
/// Points that are summed at the same time: enough independent sums to hide the latency of one.
#define SUM_POINTS (SUM_C * SUM_V < 8 ? 2 : 1)

/// gradients[POINTS][tiles][step] of LANES filters from the pixels of `count` tiles; returns the sums of the pixels.
static vec transform_gradient_row(float *restrict gradients, const float *restrict pixels, const ck_winograd_plan *p,
                                  int64_t count, int64_t step, prefetch_list *next) {
    const int64_t row = gradient_row(p) * LANES;
    vec sum = (vec)(0.0f);
    for (int64_t tile = 0; tile < count; tile++, pixels += CK_TILE * LANES, gradients += step) {
        vec half[CK_TILE][SPAN];
        prefetch(next);
#pragma unroll
        for (int i = 0; i < CK_TILE; i++) {
            vec g[CK_TILE];
#pragma unroll
            for (int j = 0; j < CK_TILE; j++)
                g[j] = load(pixels + i * row + j * LANES);
            transform_gradients(half[i], g, KERNEL);
        }
#pragma unroll
        for (int column = 0; column < SPAN; column++) {
            vec g[CK_TILE], to[SPAN];
#pragma unroll
            for (int i = 0; i < CK_TILE; i++)
                g[i] = half[i][column];
            transform_gradients(to, g, KERNEL);
#pragma unroll
            for (int i = 0; i < SPAN; i++)
                store(gradients + (i * SPAN + column) * p->strides.product_point, to[i]);
            // At the point (1, 1) all factors are 1.
            if (column == 1)
                sum += to[1];
        }
    }
    return sum;
}

/// sums[SUM_POINTS][channels][SUM_V] += for SUM_C channels, products of x[SUM_C][rows][pitch] and
/// gradients[rows * tiles][SUM_V].
static inline __attribute__((always_inline)) void add_products(float *restrict sums, int64_t sum_point,
                                                               const float *restrict x, const float *restrict gradients,
                                                               const ck_winograd_plan *p, int64_t rows, int64_t tiles) {
#pragma clang fp contract(fast)
    const int64_t pitch = p->tiling.vectors * LANES / p->tiling.fold,
                  channel = p->tiling.rows * p->tiling.vectors * LANES;
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
                    g[v] = load(gradients + point * p->strides.product_point + v * LANES);
#pragma unroll
                for (int c = 0; c < SUM_C; c++) {
                    vec pixel = (vec)(x[point * p->strides.tile_point + c * channel + tile]);
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
    float *tiles = buffers, *gradients = buffers + p->buffers.products, *lines = buffers + p->buffers.lines;
    const int64_t first = strip * p->tiling.rows * p->tiling.fold;
    const int64_t rows = ck_min(p->tiling.rows * p->tiling.fold, ck_ceil_div(p->geometry.oh, CK_TILE) - first);
    const int64_t across = ck_ceil_div(p->geometry.ow, CK_TILE), all = ck_round_up(p->geometry.c, SUM_C);
    const int64_t sum_point = all * SUM_V * LANES;
    float *biases = sums + ck_ceil_div(p->geometry.k, SUM_V * LANES) * p->sums.block;
    for (int64_t c = 0; c < p->geometry.c; c += p->tiling.channels) {
        int64_t channels = ck_min(p->tiling.channels, p->geometry.c - c), count = ck_round_up(channels, SUM_C);
        transform_tiles(tiles, x, p, strip, c, channels, count, p->tiling.rows * p->tiling.vectors, buffers);
        float *pixels = lines + LANES * gradient_row(p);
        memset(lines, 0, sizeof *lines * (size_t)(LANES * gradient_row(p)));
        for (int64_t k = 0; k < p->geometry.k; k += SUM_V * LANES) {
            for (int64_t v = 0; v < SUM_V; v++)
                for (int64_t row = 0; row < rows; row++) {
                    int64_t at = k + v * LANES, y = (first + row) * CK_TILE;
                    bool is_last = row + 1 == rows, are_all = is_last && at + LANES >= p->geometry.k;
                    // Prefetches the rows below, those of the next filters or those of the next strip.
                    int64_t next_k = are_all ? 0 : is_last ? at + LANES : at;
                    int64_t next_y = is_last && !are_all ? first * CK_TILE : y + CK_TILE;
                    prefetch_list next =
                        prefetch_rows(gy, next_k, ck_min(LANES, p->geometry.k - next_k), next_y, CK_TILE, across);
                    gather_gradients(pixels, gy, p, at, y, lines, buffers + p->buffers.row);
                    vec sum = transform_gradient_row(gradients + (row * across * SUM_V + v) * LANES, pixels, p, across,
                                                     SUM_V * LANES, &next);
                    if (c == 0)
                        store(biases + at, load(biases + at) + sum);
                }
            float *to = sums + k / (SUM_V * LANES) * p->sums.block + c * SUM_V * LANES;
            for (int64_t point = 0; point < POINTS; point += SUM_POINTS)
                for (int64_t i = 0; i < count; i += SUM_C)
                    add_products(to + point * sum_point + i * SUM_V * LANES, sum_point,
                                 tiles + point * p->strides.tile_point + i * p->tiling.rows * p->tiling.vectors * LANES,
                                 gradients + point * p->strides.product_point, p, rows, across);
        }
    }
}

static void transform_sums(const ck_winograd_plan *p, float *taps, const float *sums) {
    const int64_t point = ck_round_up(p->geometry.c, SUM_C) * SUM_V * LANES;
    for (int64_t k = 0; k < p->geometry.k; k += SUM_V * LANES, sums += p->sums.block)
        for (int64_t c = 0; c < p->geometry.c; c++, taps += KERNEL * KERNEL * SUM_V * LANES)
            for (int64_t v = 0; v < SUM_V; v++) {
                const float *from = sums + (c * SUM_V + v) * LANES;
                vec half[SPAN][KERNEL];
#pragma unroll
                for (int column = 0; column < SPAN; column++) {
                    vec m[SPAN];
#pragma unroll
                    for (int row = 0; row < SPAN; row++)
                        m[row] = load(from + (row * SPAN + column) * point);
                    transform_taps_back(half[column], m, KERNEL);
                }
#pragma unroll
                for (int row = 0; row < KERNEL; row++) {
                    vec m[SPAN], w[KERNEL];
#pragma unroll
                    for (int column = 0; column < SPAN; column++)
                        m[column] = half[column][row];
                    transform_taps_back(w, m, KERNEL);
#pragma unroll
                    for (int column = 0; column < KERNEL; column++)
                        store(taps + ((row * KERNEL + column) * SUM_V + v) * LANES, w[column]);
                }
            }
    memcpy(taps, sums, sizeof *taps * (size_t)ck_round_up(p->geometry.k, SUM_V * LANES));
}

#undef transform_gradient_row
#undef add_products
#undef sum_products
#undef transform_sums
#undef SUM_POINTS
