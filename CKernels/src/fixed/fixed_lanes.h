/// Convolution in 16-bit fixed point: included once for each instruction set, with LANES defined, the instruction set
/// as target attribute, and
///   TILE_K                filters whose sums stay in registers; divides CK_FIXED_BLOCK
///   TILE_P                vectors of tiles whose sums stay in registers; divides CK_FIXED_VECTORS
///   ADD_PRODUCTS(s, a, b) s plus the products of the pairs of a and b, modulo 2^32
///   VARIANT               name of the result
/// No OpenMP here: the outlined body of a parallel region loses its target attribute.
#include "conv2d/direct/conv2d_direct_lanes.h"
#include "fixed/fixed_variant.h"

typedef int32_t uvec __attribute__((ext_vector_type(LANES), aligned(4), may_alias));
typedef uint32_t wrapping __attribute__((ext_vector_type(LANES)));
typedef int16_t shorts __attribute__((ext_vector_type(2 * LANES)));

static inline ivec load_pairs(const int32_t *p) {
    return *(const uvec *)p;
}

static inline void store_pairs(int32_t *p, ivec v) {
    *(uvec *)p = v;
}

/// Stores the first min(count, LANES) elements.
static inline void store_first_pairs(int32_t *p, ivec v, int64_t count) {
    if (count >= LANES)
        store_pairs(p, v);
    else
        for (int64_t i = 0; i < count; i++)
            p[i] = v[i];
}

/// Values of the sums of filter k, in units of the output's scale.
static inline vec value_of(ivec sums, const ck_fixed_outputs *y, int64_t k) {
#pragma clang fp contract(off)
    vec v = __builtin_convertvector(sums, vec) * (vec)(y->factor[k]);
    return v + (vec)(y->shift[k]);
}

static inline vec limited(vec v, float least, float most) {
    v = v > (vec)(least) ? v : (vec)(least);
    return v < (vec)(most) ? v : (vec)(most);
}

/// The nearest integers of the values of two filters. Adding 1.5 * 2^23 leaves the integer in the lowest bits.
static inline ivec pairs_of(vec even, vec odd, float least) {
    const float round = 12582912.0f;
    ivec low = (ivec)(limited(even, least, CK_FIXED_LARGEST) + round);
    ivec high = (ivec)(limited(odd, least, CK_FIXED_LARGEST) + round);
    return (low & 0xFFFF) | (high << 16);
}

static inline vec rectified(vec v, float least) {
    return least == 0 ? relu_of(v) : v;
}

static inline __attribute__((always_inline)) void clear(ivec sum[TILE_K][CK_FIXED_VECTORS]) {
#pragma unroll
    for (int k = 0; k < TILE_K; k++)
#pragma unroll
        for (int p = 0; p < CK_FIXED_VECTORS; p++)
            sum[k][p] = (ivec)(0);
}

/// sum[k][p] += products of the weights w[TILE_K] and x[p].
static inline __attribute__((always_inline)) void accumulate(ivec sum[TILE_K][CK_FIXED_VECTORS], const int32_t *w,
                                                             const ivec x[CK_FIXED_VECTORS]) {
#pragma unroll
    for (int k = 0; k < TILE_K; k++) {
        ivec weight = (ivec)(w[k]);
#pragma unroll
        for (int p = 0; p < CK_FIXED_VECTORS; p++)
            sum[k][p] = ADD_PRODUCTS(sum[k][p], weight, x[p]);
    }
}

// Direct convolution, for kernels and strides that Winograd's transforms cannot serve

/// Stores the sums of filters k ... k + TILE_K - 1 at pixels at[p] of each plane.
static inline __attribute__((always_inline)) void store_tile(const ck_fixed_outputs *y, int64_t k,
                                                             ivec sum[TILE_K][CK_FIXED_VECTORS],
                                                             const int64_t at[CK_FIXED_VECTORS], int64_t lanes) {
    const int64_t plane = y->oh * y->ow;
    if (y->floats) {
#pragma unroll
        for (int i = 0; i < TILE_K; i++)
            if (k + i < y->k)
#pragma unroll
                for (int p = 0; p < CK_FIXED_VECTORS; p++)
                    store_elements(y->floats + (k + i) * plane + at[p],
                                   rectified(value_of(sum[i][p], y, k + i), y->least), lanes);
        return;
    }
#pragma unroll
    for (int i = 0; i < TILE_K; i += 2)
        if (k + i < y->k)
#pragma unroll
            for (int p = 0; p < CK_FIXED_VECTORS; p++)
                store_first_pairs(
                    y->pairs + (k + i) / 2 * plane + at[p],
                    pairs_of(value_of(sum[i][p], y, k + i), value_of(sum[i + 1][p], y, k + i + 1), y->least), lanes);
}

static void correlate(const ck_direct_plan *plan, const ck_fixed_outputs *y, const ck_planes *x, const int32_t *panels,
                      int64_t first, float *band) {
    const int64_t rows = ck_min(plan->tiling.rows, y->oh - first), width = ck_ceil_div(y->ow, LANES);
    const int64_t lanes = ck_min(LANES, y->ow), taps = plan->part[0].taps;
    // Pixels of a pointwise convolution are read where they are.
    const bool is_pointwise = taps == 1 && plan->geometry.stride_w == 1 && y->ow >= LANES;
    const float *in = is_pointwise ? x->values : band;
    const int64_t plane = is_pointwise ? x->h * x->w : plan->band.plane;
    if (!is_pointwise)
        copy_band(band, x, plan, first, rows, NULL);
    int64_t row = 0, column = 0;
    for (int64_t block = 0; block < rows * width; block += CK_FIXED_VECTORS) {
        int64_t from[CK_FIXED_VECTORS], to[CK_FIXED_VECTORS];
        for (int64_t p = 0; p < CK_FIXED_VECTORS; p++) {
            // The last vector ends at the end of the row. It overlaps the one before it with equal results.
            int64_t start = ck_min(column, y->ow - lanes);
            to[p] = (first + row) * y->ow + start;
            from[p] = is_pointwise ? to[p] : row * plan->band.row_step * plan->band.row + start;
            // Past the last vector of a band, repeat it.
            if (block + p + 1 < rows * width && (column += LANES) >= y->ow) {
                column = 0;
                row++;
            }
        }
        for (int64_t k = 0; k < y->k; k += TILE_K) {
            const int32_t *w =
                panels + k / CK_FIXED_BLOCK * plan->geometry.c * taps * CK_FIXED_BLOCK + k % CK_FIXED_BLOCK;
            const float *pixels = in;
            ivec sum[TILE_K][CK_FIXED_VECTORS];
            clear(sum);
            for (int64_t c = 0; c < plan->geometry.c; c++, pixels += plane)
                for (int64_t t = 0; t < taps; t++, w += CK_FIXED_BLOCK) {
                    const float *tap = pixels + plan->tap_offset[t];
                    ivec v[CK_FIXED_VECTORS];
#pragma unroll
                    for (int p = 0; p < CK_FIXED_VECTORS; p++)
                        v[p] = (ivec)load(tap + from[p]);
                    accumulate(sum, w, v);
                }
            store_tile(y, k, sum, to, lanes);
        }
    }
}

/// Rows that a strip of outputs reads.
#define BAND_ROWS (2 * CK_FIXED_VECTORS + 2)
/// Columns that a vector of tiles reads.
#define SPAN (2 * LANES + 2)

// Winograd's F(2x2, 3x3), exact in integers: weights are transformed with four times the usual factors

/// Four pixels of each of LANES tiles that overlap by two, transformed. `line` starts with the first pixel.
static inline __attribute__((always_inline)) void transform_line(shorts to[4], const int32_t *line) {
    vec a = load((const float *)line), b = load((const float *)(line + LANES));
    vec c = load((const float *)(line + 2)), d = load((const float *)(line + LANES + 2));
    shorts x0 = (shorts)even_elements(a, b), x1 = (shorts)odd_elements(a, b);
    shorts x2 = (shorts)even_elements(c, d), x3 = (shorts)odd_elements(c, d);
    to[0] = x0 - x2;
    to[1] = x1 + x2;
    to[2] = x2 - x1;
    to[3] = x1 - x3;
}

/// Copies the pixels that a block of tiles reads, from row `first` and column `left` on, with zeros outside the image:
/// band[pairs][BAND_ROWS][SPAN].
static void copy_edge(int32_t *restrict band, const ck_fixed_tiles *t, const int32_t *x, int64_t first, int64_t left) {
    const int64_t begin = ck_max(0, -left), end = ck_min(SPAN, t->w - left);
    for (int64_t c = 0; c < t->pairs; c++, x += t->h * t->w)
        for (int64_t y = first; y < first + BAND_ROWS; y++, band += SPAN)
            for (int64_t i = 0; i < SPAN; i++)
                band[i] = y >= 0 && y < t->h && i >= begin && i < end ? x[y * t->w + left + i] : 0;
}

/// tiles[4 columns][pairs][4 rows][CK_FIXED_VECTORS]: points of the transformed pixels of tiles from a column of
/// outputs on. The vectors of a block are one below the other.
static void transform_tiles(int32_t *restrict tiles, const ck_fixed_tiles *t, const int32_t *restrict x, int64_t pitch,
                            int64_t plane) {
    const int64_t row = CK_FIXED_VECTORS * LANES;
    for (int64_t c = 0; c < t->pairs; c++, x += plane, tiles += 4 * row) {
        shorts half[BAND_ROWS][4];
#pragma unroll
        for (int i = 0; i < BAND_ROWS; i++)
            transform_line(half[i], x + i * pitch);
#pragma unroll
        for (int j = 0; j < 4; j++)
#pragma unroll
            for (int p = 0; p < CK_FIXED_VECTORS; p++) {
                int32_t *to = tiles + j * t->pairs * 4 * row + p * LANES;
                store_pairs(to, (ivec)(half[2 * p][j] - half[2 * p + 2][j]));
                store_pairs(to + row, (ivec)(half[2 * p + 1][j] + half[2 * p + 2][j]));
                store_pairs(to + 2 * row, (ivec)(half[2 * p + 2][j] - half[2 * p + 1][j]));
                store_pairs(to + 3 * row, (ivec)(half[2 * p + 1][j] - half[2 * p + 3][j]));
            }
    }
}

/// products[CK_FIXED_GROUP][CK_FIXED_VECTORS][2] of one column of points, whose four rows are reduced to two. Sums may
/// wrap around here; the sums of a tile do not.
static inline __attribute__((always_inline)) void
multiply_column(int32_t *restrict products, const int32_t *restrict tiles, const int32_t *restrict w, int64_t pairs) {
    ivec sum[4][CK_FIXED_GROUP][TILE_P];
#pragma unroll
    for (int i = 0; i < 4; i++)
#pragma unroll
        for (int k = 0; k < CK_FIXED_GROUP; k++)
#pragma unroll
            for (int p = 0; p < TILE_P; p++)
                sum[i][k][p] = (ivec)(0);
    for (int64_t c = 0; c < pairs; c++, tiles += 4 * CK_FIXED_VECTORS * LANES, w += 4 * CK_FIXED_GROUP)
#pragma unroll
        for (int i = 0; i < 4; i++) {
            ivec x[TILE_P];
#pragma unroll
            for (int p = 0; p < TILE_P; p++)
                x[p] = load_pairs(tiles + (i * CK_FIXED_VECTORS + p) * LANES);
#pragma unroll
            for (int k = 0; k < CK_FIXED_GROUP; k++) {
                ivec weight = (ivec)(w[i * CK_FIXED_GROUP + k]);
#pragma unroll
                for (int p = 0; p < TILE_P; p++)
                    sum[i][k][p] = ADD_PRODUCTS(sum[i][k][p], weight, x[p]);
            }
        }
#pragma unroll
    for (int k = 0; k < CK_FIXED_GROUP; k++)
#pragma unroll
        for (int p = 0; p < TILE_P; p++) {
            wrapping m[4];
#pragma unroll
            for (int i = 0; i < 4; i++)
                m[i] = (wrapping)sum[i][k][p];
            int32_t *to = products + (k * CK_FIXED_VECTORS + p) * 2 * LANES;
            store_pairs(to, (ivec)(m[0] + m[1] + m[2]));
            store_pairs(to + LANES, (ivec)(m[1] - m[2] - m[3]));
        }
}

enum { PRODUCT_COLUMN = 2 * CK_FIXED_GROUP * CK_FIXED_VECTORS * 2 * LANES };

/// products[4 columns][2 CK_FIXED_GROUP][CK_FIXED_VECTORS][2] of a block of tiles and two groups of filters.
static void multiply_points(int32_t *restrict products, const int32_t *restrict tiles, const int32_t *restrict w,
                            int64_t pairs, prefetch_list *next) {
    for (int64_t j = 0; j < 4; j++, products += PRODUCT_COLUMN, tiles += pairs * 4 * CK_FIXED_VECTORS * LANES)
        for (int64_t group = 0; group < 2; group++, w += pairs * 4 * CK_FIXED_GROUP) {
            prefetch(next);
            for (int64_t p = 0; p < CK_FIXED_VECTORS; p += TILE_P)
                multiply_column(products + group * PRODUCT_COLUMN / 2 + p * 2 * LANES, tiles + p * LANES, w, pairs);
        }
}

/// The sums of row r of the tiles of a filter.
static inline __attribute__((always_inline)) void reduce_columns(ivec to[2], const int32_t *products, int64_t r) {
    wrapping m[4];
#pragma unroll
    for (int j = 0; j < 4; j++)
        m[j] = (wrapping)load_pairs(products + j * PRODUCT_COLUMN + r * LANES);
    to[0] = (ivec)(m[0] + m[1] + m[2]);
    to[1] = (ivec)(m[1] - m[2] - m[3]);
}

/// Stores pixels of a row whose even and odd columns are given, `count` of them.
static inline void store_columns(float *to, vec even, vec odd, int64_t count) {
    store_elements(to, first_halves(even, odd), count);
    if (count > LANES)
        store_elements(to + LANES, second_halves(even, odd), count - LANES);
}

/// Stores a vector of tiles of two groups of filters from k on.
static void store_outputs(const ck_fixed_outputs *y, const int32_t *products, int64_t k, int64_t row, int64_t column) {
    const int64_t plane = y->oh * y->ow, rows = ck_min(2, y->oh - row), columns = ck_min(2 * LANES, y->ow - column);
    const int64_t at = row * y->ow + column, filter = CK_FIXED_VECTORS * 2 * LANES;
    for (int64_t i = k; i < ck_min(k + 2 * CK_FIXED_GROUP, y->k); i += 2, products += 2 * filter)
        for (int64_t r = 0; r < rows; r++) {
            vec even[2], odd[2];
#pragma unroll
            for (int f = 0; f < 2; f++) {
                ivec sums[2];
                reduce_columns(sums, products + f * filter, r);
                even[f] = value_of(sums[0], y, i + f);
                odd[f] = value_of(sums[1], y, i + f);
            }
            if (y->pairs)
                store_columns((float *)(y->pairs + i / 2 * plane + at + r * y->ow),
                              (vec)pairs_of(even[0], even[1], y->least), (vec)pairs_of(odd[0], odd[1], y->least),
                              columns);
            else
                for (int64_t f = 0; f < ck_min(2, y->k - i); f++)
                    store_columns(y->floats + (i + f) * plane + at + r * y->ow, rectified(even[f], y->least),
                                  rectified(odd[f], y->least), columns);
        }
}

static void transform(const ck_fixed_tiles *t, const ck_fixed_outputs *y, const int32_t *x, const int32_t *panels,
                      int64_t row, int32_t *buffers) {
    int32_t *products = buffers + CK_FIXED_POINTS * t->pairs * CK_FIXED_VECTORS * LANES;
    int32_t *band = products + 4 * PRODUCT_COLUMN;
    const ck_planes planes = {.values = (const float *)x, .h = t->h, .w = t->w};
    const int64_t blocks = ck_ceil_div(y->k, 2 * CK_FIXED_GROUP),
                  panel = CK_FIXED_POINTS * t->pairs * 2 * CK_FIXED_GROUP;
    prefetch_list next = prefetch_next_rows(&planes, t->pairs, row + BAND_ROWS - 1, BAND_ROWS - 2,
                                            ck_ceil_div(t->w, 2 * LANES) * blocks * 8);
    for (int64_t column = 0; column < t->w; column += 2 * LANES) {
        if (row >= 1 && row + BAND_ROWS - 1 <= t->h && column >= 1 && column + SPAN - 1 <= t->w)
            transform_tiles(buffers, t, x + (row - 1) * t->w + column - 1, t->w, t->h * t->w);
        else {
            copy_edge(band, t, x, row - 1, column - 1);
            transform_tiles(buffers, t, band, SPAN, BAND_ROWS * SPAN);
        }
        for (int64_t block = 0; block < blocks; block++) {
            multiply_points(products, buffers, panels + block * panel, t->pairs, &next);
            for (int64_t p = 0; p < CK_FIXED_VECTORS && row + 2 * p < t->h; p++)
                store_outputs(y, products + p * 2 * LANES, 2 * CK_FIXED_GROUP * block, row + 2 * p, column);
        }
    }
}

static inline ivec limited_sum(ivec a, ivec b) {
    shorts sum = (shorts)a + (shorts)b;
    const shorts most = (shorts)(int16_t)CK_FIXED_LARGEST;
    sum = sum > most ? most : sum;
    return (ivec)(sum < -most ? -most : sum);
}

static void upsample_add(int32_t *y, const int32_t *skip, const int32_t *x, int64_t count) {
    int64_t i = 0;
    for (; i + 2 * LANES <= count; i += 2 * LANES) {
        vec coarse = load((const float *)(x + i / 2));
        store_pairs(y + i, limited_sum(load_pairs(skip + i), (ivec)first_halves(coarse, coarse)));
        store_pairs(y + i + LANES, limited_sum(load_pairs(skip + i + LANES), (ivec)second_halves(coarse, coarse)));
    }
    for (; i < count; i++)
        y[i] = limited_sum((ivec)(skip[i]), (ivec)(x[i / 2]))[0];
}

static const ck_fixed_variant VARIANT = {
    .direct = {.lanes = LANES, .k = CK_FIXED_BLOCK, .p = CK_FIXED_VECTORS},
    .correlate = correlate,
    .transform = transform,
    .upsample_add = upsample_add,
};
