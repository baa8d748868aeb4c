/// Direct convolution in 16-bit fixed point, for kernels and strides that Winograd's transforms cannot serve: part of
/// fixed_lanes.h.

/// Stores the sums of `filters` filters from k on, at pixels at[p] of planes.
static inline __attribute__((always_inline)) void store_tile(const ck_fixed_outputs *y, int64_t k, int32_t filters,
                                                             ivec sum[TILE_K][CK_FIXED_VECTORS], int64_t plane,
                                                             const int64_t at[CK_FIXED_VECTORS], int64_t lanes) {
#pragma unroll
    for (int i = 0; i < filters; i += 2)
        if (k + i < y->k)
#pragma unroll
            for (int p = 0; p < CK_FIXED_VECTORS; p++) {
                const int64_t to = (k + i) / 2 * plane + at[p];
                ivec residual = y->residual ? load_first_pairs(y->residual + to, lanes) : (ivec)(0);
                vec even = value_of(sum[i][p], y, k + i, residual);
                vec odd = value_of(sum[i + 1][p], y, k + i + 1, residual);
                if (y->pairs) {
                    store_first_pairs(y->pairs + to, pairs_of(even, odd, y->least), lanes);
                    continue;
                }
                float *floats = y->floats + (k + i) * plane + at[p];
                store_elements(floats, rectified(even, y->least), lanes);
                if (k + i + 1 < y->k)
                    store_elements(floats + plane, rectified(odd, y->least), lanes);
            }
}

/// Where the vectors of a block are, in elements of an input plane and of an output plane.
typedef struct pixel_block {
    int64_t from[CK_FIXED_VECTORS], to[CK_FIXED_VECTORS];
} pixel_block;

/// Computes `filters` filters from k on, at most TILE_K, for a block of pixels.
static inline __attribute__((always_inline)) void
correlate_tile(const ck_direct_plan *plan, const ck_fixed_outputs *y, int64_t k, int32_t filters, const float *pixels,
               int64_t in_plane, int64_t out_plane, const int32_t *panels, const pixel_block *block, int64_t lanes) {
    const int64_t taps = plan->part[0].taps;
    const int32_t *w = panels + k / CK_FIXED_BLOCK * plan->geometry.c * taps * CK_FIXED_BLOCK + k % CK_FIXED_BLOCK;
    ivec sum[TILE_K][CK_FIXED_VECTORS];
#pragma unroll
    for (int i = 0; i < filters; i++)
#pragma unroll
        for (int p = 0; p < CK_FIXED_VECTORS; p++)
            sum[i][p] = (ivec)(0);
    for (int64_t c = 0; c < plan->geometry.c; c++, pixels += in_plane)
        for (int64_t t = 0; t < taps; t++, w += CK_FIXED_BLOCK) {
            const float *tap = pixels + plan->tap_offset[t];
            ivec x[CK_FIXED_VECTORS];
#pragma unroll
            for (int p = 0; p < CK_FIXED_VECTORS; p++)
                x[p] = (ivec)load(tap + block->from[p]);
#pragma unroll
            for (int i = 0; i < filters; i++) {
                ivec weight = (ivec)(w[i]);
#pragma unroll
                for (int p = 0; p < CK_FIXED_VECTORS; p++)
                    sum[i][p] = ADD_PRODUCTS(sum[i][p], weight, x[p]);
            }
        }
    store_tile(y, k, filters, sum, out_plane, block->to, lanes);
}

/// Pairs of the larger integers.
static inline ivec larger(ivec a, ivec b) {
    return (ivec)((shorts)a > (shorts)b ? (shorts)a : (shorts)b);
}

/// Pools planes [ceil(K / 2)][rows][OW] of pairs into the pooled rows that follow from output row `first` on.
static void pool_pairs(const ck_fixed_outputs *y, const int32_t *x, int64_t plane, int64_t first, int64_t rows) {
    const int64_t width = y->ow / 2, pooled = y->oh / 2;
    for (int64_t pair = 0; pair < ck_ceil_div(y->k, 2); pair++, x += plane)
        for (int64_t row = 0; row < rows / 2; row++) {
            const int32_t *a = x + 2 * row * y->ow, *b = a + y->ow;
            int32_t *to = y->pairs + (pair * pooled + first / 2 + row) * width;
            for (int64_t j = 0; j < width; j += LANES) {
                vec left = (vec)larger(load_pairs(a + 2 * j), load_pairs(b + 2 * j));
                vec right = (vec)larger(load_pairs(a + 2 * j + LANES), load_pairs(b + 2 * j + LANES));
                ivec most = larger((ivec)even_elements(left, right), (ivec)odd_elements(left, right));
                store_first_pairs(to + j, most, width - j);
            }
        }
}

static void correlate(const ck_direct_plan *plan, const ck_fixed_outputs *y, const ck_planes *x, const int32_t *panels,
                      int64_t first, float *band) {
    const int64_t rows = ck_min(plan->tiling.rows, y->oh - first), width = ck_ceil_div(y->ow, LANES);
    const int64_t lanes = ck_min(LANES, y->ow);
    const ck_direct_geometry *g = &plan->geometry;
    // Pixels of a pointwise convolution are read where they are.
    const bool is_pointwise =
        plan->part[0].taps == 1 && g->stride_h == 1 && g->stride_w == 1 && g->top == 0 && y->ow >= LANES;
    const float *in = is_pointwise ? x->values : band;
    const int64_t in_plane = is_pointwise ? x->h * x->w : plan->band.plane;
    if (!is_pointwise)
        copy_band(band, x, plan, first, rows, NULL);
    // Outputs to be pooled go to a buffer first.
    const bool is_pooled = plan->tiling.is_pooled;
    const int64_t out_plane = is_pooled ? rows * y->ow : y->oh * y->ow;
    ck_fixed_outputs out = *y;
    if (is_pooled)
        out.pairs = (int32_t *)(band + g->c * plan->band.plane);
    int64_t row = 0, column = 0;
    for (int64_t i = 0; i < rows * width; i += CK_FIXED_VECTORS) {
        pixel_block block;
        for (int64_t p = 0; p < CK_FIXED_VECTORS; p++) {
            // The last vector ends at the end of the row. It overlaps the one before it with equal results.
            int64_t start = ck_min(column, y->ow - lanes), pixel = (first + row) * y->ow + start;
            block.to[p] = is_pooled ? row * y->ow + start : pixel;
            block.from[p] = is_pointwise ? pixel : row * plan->band.row_step * plan->band.row + start;
            // Past the last vector of a band, repeat it.
            if (i + p + 1 < rows * width && (column += LANES) >= y->ow) {
                column = 0;
                row++;
            }
        }
        int64_t k = 0;
        for (; ck_round_up(y->k - k, CK_FIXED_REST) >= TILE_K; k += TILE_K)
            correlate_tile(plan, &out, k, TILE_K, in, in_plane, out_plane, panels, &block, lanes);
        for (; k < y->k; k += CK_FIXED_REST)
            correlate_tile(plan, &out, k, CK_FIXED_REST, in, in_plane, out_plane, panels, &block, lanes);
    }
    if (is_pooled)
        pool_pairs(y, out.pairs, out_plane, first, rows);
}
