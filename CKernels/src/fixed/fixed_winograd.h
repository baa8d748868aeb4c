/// Winograd's F(2x2, 3x3) in 16-bit fixed point, exact in integers: weights are transformed with four times the usual
/// factors. Part of fixed_lanes.h.

/// Rows that the vectors of a block read.
#define BAND_ROWS (2 * CK_FIXED_VECTORS + 2)
/// Columns that half a vector of tiles reads.
#define HALF_SPAN (LANES + 2)
/// Columns of copied pixels: those of two halves.
#define BAND_PITCH (2 * HALF_SPAN)

/// Four pixels of each of LANES tiles that overlap by two, transformed. The halves of a vector start at `line` and at
/// line + second.
static inline __attribute__((always_inline)) void transform_line(shorts to[4], const int32_t *line, int64_t second) {
    vec a = load((const float *)line), b = load((const float *)(line + second));
    vec c = load((const float *)(line + 2)), d = load((const float *)(line + second + 2));
    shorts x0 = (shorts)even_elements(a, b), x1 = (shorts)odd_elements(a, b);
    shorts x2 = (shorts)even_elements(c, d), x3 = (shorts)odd_elements(c, d);
    to[0] = x0 - x2;
    to[1] = x1 + x2;
    to[2] = x2 - x1;
    to[3] = x1 - x3;
}

/// Where the halves of a vector of tiles are: the second one is to the right of the first or, in narrow images, below
/// it.
typedef struct tile_halves {
    int64_t row[2], column[2];
} tile_halves;

static tile_halves halves_at(const ck_fixed_tiles *t, int64_t row, int64_t column) {
    bool is_narrow = t->w <= LANES;
    return (tile_halves){.row = {row, row + (is_narrow ? 2 * CK_FIXED_VECTORS : 0)},
                         .column = {column, column + (is_narrow ? 0 : LANES)}};
}

/// Copies the `count` pixels from (row, left) on, and those of the rows below that a block of tiles reads, into the
/// rows of band[pairs][BAND_ROWS][BAND_PITCH], with zeros outside the image.
static inline void copy_edge(int32_t *restrict band, const ck_fixed_tiles *t, const int32_t *x, int64_t row,
                             int64_t left, int64_t count) {
    const int64_t begin = ck_max(0, -left), end = ck_min(count, t->w - left);
    for (int64_t c = 0; c < t->pairs; c++, x += t->h * t->w)
        for (int64_t y = row; y < row + BAND_ROWS; y++, band += BAND_PITCH)
            for (int64_t i = 0; i < count; i++)
                band[i] = y >= 0 && y < t->h && i >= begin && i < end ? x[y * t->w + left + i] : 0;
}

/// tiles[4 columns][pairs][4 rows][CK_FIXED_VECTORS]: points of the transformed pixels of tiles. The vectors of a block
/// are one below the other; `second` is the offset of their second halves.
static void transform_tiles(int32_t *restrict tiles, const ck_fixed_tiles *t, const int32_t *restrict x, int64_t pitch,
                            int64_t plane, int64_t second) {
    const int64_t row = CK_FIXED_VECTORS * LANES;
    for (int64_t c = 0; c < t->pairs; c++, x += plane, tiles += 4 * row) {
        shorts half[BAND_ROWS][4];
#pragma unroll
        for (int i = 0; i < BAND_ROWS; i++)
            transform_line(half[i], x + i * pitch, second);
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
    // Sums of transformed weights are four times those of the weights.
    to[0] = (ivec)(m[0] + m[1] + m[2]) >> 2;
    to[1] = (ivec)(m[1] - m[2] - m[3]) >> 2;
}

/// Where pixels of the halves of a vector of tiles are in a plane, and how many there are in a row.
typedef struct half_rows {
    int64_t at[2], count[2];
} half_rows;

static half_rows rows_of_halves(const ck_fixed_outputs *y, const tile_halves *at, int64_t r) {
    half_rows rows;
    for (int half = 0; half < 2; half++) {
        const int64_t row = at->row[half] + r, columns = ck_min(LANES, y->ow - at->column[half]);
        rows.at[half] = row * y->ow + at->column[half];
        rows.count[half] = row < y->oh ? ck_max(0, columns) : 0;
    }
    return rows;
}

/// Stores pixels whose even and odd columns are given.
static inline void store_halves(float *plane, const half_rows *rows, vec even, vec odd) {
    if (rows->count[0] > 0)
        store_elements(plane + rows->at[0], first_halves(even, odd), rows->count[0]);
    if (rows->count[1] > 0)
        store_elements(plane + rows->at[1], second_halves(even, odd), rows->count[1]);
}

/// The even and odd columns of pixels.
static inline void load_halves(ivec to[2], const int32_t *plane, const half_rows *rows) {
    vec v[2] = {0, 0};
    for (int half = 0; half < 2; half++)
        if (rows->count[half] > 0)
            v[half] = (vec)load_first_pairs(plane + rows->at[half], rows->count[half]);
    to[0] = (ivec)even_elements(v[0], v[1]);
    to[1] = (ivec)odd_elements(v[0], v[1]);
}

/// Stores a vector of tiles of two groups of filters from k on.
static void store_outputs(const ck_fixed_outputs *y, const int32_t *products, int64_t k, const tile_halves *at) {
    const int64_t plane = y->oh * y->ow, filter = CK_FIXED_VECTORS * 2 * LANES;
    const half_rows rows[2] = {rows_of_halves(y, at, 0), rows_of_halves(y, at, 1)};
    for (int64_t i = k; i < ck_min(k + 2 * CK_FIXED_GROUP, y->k); i += 2, products += 2 * filter)
        for (int64_t r = 0; r < 2; r++) {
            vec even[2], odd[2];
            ivec residual[2] = {0, 0};
            if (y->residual)
                load_halves(residual, y->residual + i / 2 * plane, &rows[r]);
#pragma unroll
            for (int f = 0; f < 2; f++) {
                ivec sums[2];
                reduce_columns(sums, products + f * filter, r);
                even[f] = value_of(sums[0], y, i + f, residual[0]);
                odd[f] = value_of(sums[1], y, i + f, residual[1]);
            }
            if (y->pairs)
                store_halves((float *)y->pairs + i / 2 * plane, &rows[r], (vec)pairs_of(even[0], even[1], y->least),
                             (vec)pairs_of(odd[0], odd[1], y->least));
            else
                for (int64_t f = 0; f < ck_min(2, y->k - i); f++)
                    store_halves(y->floats + (i + f) * plane, &rows[r], rectified(even[f], y->least),
                                 rectified(odd[f], y->least));
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
        const tile_halves at = halves_at(t, row, column);
        const bool is_narrow = at.row[0] != at.row[1];
        if (row >= 1 && row + BAND_ROWS - 1 <= t->h && column >= 1 && column + 2 * LANES + 1 <= t->w) {
            transform_tiles(buffers, t, x + (row - 1) * t->w + column - 1, t->w, t->h * t->w, LANES);
        } else if (is_narrow) {
            for (int half = 0; half < 2; half++)
                copy_edge(band + half * HALF_SPAN, t, x, at.row[half] - 1, -1, HALF_SPAN);
            transform_tiles(buffers, t, band, BAND_PITCH, BAND_ROWS * BAND_PITCH, HALF_SPAN);
        } else {
            copy_edge(band, t, x, row - 1, column - 1, 2 * LANES + 2);
            transform_tiles(buffers, t, band, BAND_PITCH, BAND_ROWS * BAND_PITCH, LANES);
        }
        for (int64_t block = 0; block < blocks; block++) {
            multiply_points(products, buffers, panels + block * panel, t->pairs, &next);
            for (int64_t p = 0; p < CK_FIXED_VECTORS; p++) {
                tile_halves own = {.row = {at.row[0] + 2 * p, at.row[1] + 2 * p},
                                   .column = {at.column[0], at.column[1]}};
                if (own.row[0] < t->h)
                    store_outputs(y, products + p * 2 * LANES, 2 * CK_FIXED_GROUP * block, &own);
            }
        }
    }
}
