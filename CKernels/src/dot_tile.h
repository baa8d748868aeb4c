/// Dot products in blocks of registers: included after ck_lanes.h and ck_dot.h, with
///   TILE_N   rows of x in a block
///   TILE_O   rows of w in a block
/// No OpenMP here: the outlined body of a parallel region loses its target.

enum { PAIRS = TILE_N * TILE_O, GROUPS_OF_SUMS = (PAIRS + LANES - 1) / LANES };

/// The elements of a row from i on, zeros behind its end.
static inline vec load_rest(const float *row, int64_t i, int64_t count) {
    float rest[LANES] = {0};
    memcpy(rest, row + i, sizeof *rest * (size_t)(count - i));
    return load(rest);
}

/// sums[TILE_N][TILE_O], in whole vectors
static inline __attribute__((always_inline)) void dot_block(float sums[GROUPS_OF_SUMS * LANES], const float *x,
                                                            int64_t x_row, const float *const w[TILE_O],
                                                            int64_t count) {
#pragma clang fp contract(fast)
    vec sum[GROUPS_OF_SUMS * LANES];
#pragma unroll
    for (int i = 0; i < GROUPS_OF_SUMS * LANES; i++)
        sum[i] = (vec)(0.0f);
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES) {
        vec v[TILE_N];
#pragma unroll
        for (int n = 0; n < TILE_N; n++)
            v[n] = load(x + n * x_row + i);
#pragma unroll
        for (int o = 0; o < TILE_O; o++) {
            vec weight = load(w[o] + i);
#pragma unroll
            for (int n = 0; n < TILE_N; n++)
                sum[n * TILE_O + o] += v[n] * weight;
        }
    }
    if (i < count)
        for (int o = 0; o < TILE_O; o++) {
            vec weight = load_rest(w[o], i, count);
            for (int n = 0; n < TILE_N; n++)
                sum[n * TILE_O + o] += load(x + n * x_row + i) * weight;
        }
#pragma unroll
    for (int group = 0; group < GROUPS_OF_SUMS; group++) {
        vec *part = sum + group * LANES;
#pragma unroll
        for (int left = LANES, step = 0; left > 1; left /= 2, step++)
#pragma unroll
            for (int j = 0; j < left / 2; j++)
                part[j] = add_neighbours(part[2 * j], part[2 * j + 1], step >= 2);
        store(sums + group * LANES, part[0]);
    }
}

static void multiply(float *sums, const float *x, int64_t x_row, const float *w, int64_t w_row, const float *next,
                     int64_t n, int64_t o, int64_t count, bool adds) {
    const int64_t blocks = ck_ceil_div(n, TILE_N);
    for (int64_t o0 = 0; o0 < o; o0 += TILE_O) {
        const float *rows[TILE_O];
        for (int64_t j = 0; j < TILE_O; j++)
            rows[j] = w + ck_min(o0 + j, o - 1) * w_row;
        // The next block's weights, or the next piece's, come while this block's are at work.
        const float *ahead = o0 + TILE_O < o ? w + (o0 + TILE_O) * w_row : next;
        const int64_t ahead_rows = ck_min(TILE_O, o0 + TILE_O < o ? o - o0 - TILE_O : o);
        const int64_t lines = ahead ? ahead_rows * count / 16 : 0;
        for (int64_t block = 0; block < blocks; block++) {
            for (int64_t line = block * lines / blocks; line < (block + 1) * lines / blocks; line++)
                __builtin_prefetch(ahead + line / (count / 16) * w_row + line % (count / 16) * 16);
            float pairs[GROUPS_OF_SUMS * LANES];
            dot_block(pairs, x + block * TILE_N * x_row, x_row, rows, count);
            for (int64_t m = 0; m < ck_min(TILE_N, n - block * TILE_N); m++)
                for (int64_t j = 0; j < ck_min(TILE_O, o - o0); j++) {
                    float *sum = sums + (block * TILE_N + m) * o + o0 + j;
                    *sum = (adds ? *sum : 0) + pairs[m * TILE_O + j];
                }
        }
    }
}
