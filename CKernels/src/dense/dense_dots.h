/// Dot products for vectors of LANES elements: included after ck_lanes.h with
///   DOT_N, DOT_O           samples and outputs of a block of dot products
///   MULTIPLY_ADD(s, a, b)  s plus the products of the elements of a and b
///   FLOATS(s)              such sums as floats
///   DOT_STEPS              vectors whose products may be added before sums must become floats
/// Defines DOTS, the initializer of a ck_dense_dots.
#include "dense/ck_dense.h"

/// Sums of floats have no limit in practice.
#define DOT_STEPS_OF_FLOATS (1 << 20)

static inline vec load_part(const float *p, int64_t count) {
    if (count >= LANES)
        return load(p);
    float all[LANES] = {0};
    for (int64_t i = 0; i < count; i++)
        all[i] = p[i];
    return load(all);
}

/// Dot products of `samples` (at most DOT_N) rows of x and DOT_O rows of w, of which the first `outputs` are kept, each
/// in LANES sums. `samples` is exact because padding it would cost memory bandwidth: useless instructions fill the
/// reorder buffer, so fewer loads are in flight.
static inline __attribute__((always_inline)) void dot_block(float *sums, const float *x, const float *w, int64_t o,
                                                            int64_t outputs, int64_t count, int64_t x_stride,
                                                            int64_t stride, int samples) {
#pragma clang fp contract(fast)
    const float *b[DOT_O];
    vec sum[DOT_N][DOT_O];
#pragma unroll
    for (int j = 0; j < DOT_O; j++) {
        // Past the last row, repeat it.
        b[j] = w + ck_min(j, outputs - 1) * stride;
#pragma unroll
        for (int i = 0; i < samples; i++)
            sum[i][j] = (vec)(0.0f);
    }
    int64_t at = 0;
    for (; at + LANES <= count; at += LANES) {
        vec v[DOT_O];
#pragma unroll
        for (int j = 0; j < DOT_O; j++)
            v[j] = load(b[j] + at);
#pragma unroll
        for (int i = 0; i < samples; i++) {
            vec u = load(x + i * x_stride + at);
#pragma unroll
            for (int j = 0; j < DOT_O; j++)
                sum[i][j] = MULTIPLY_ADD(sum[i][j], u, v[j]);
        }
    }
    const int64_t rest = count - at;
#pragma unroll
    for (int i = 0; i < samples; i++)
#pragma unroll
        for (int j = 0; j < DOT_O; j++) {
            if (j >= outputs)
                continue;
            float *to = sums + (i * o + j) * LANES;
            vec total = sum[i][j];
            if (rest > 0)
                total = MULTIPLY_ADD(total, load_part(x + i * x_stride + at, rest), load_part(b[j] + at, rest));
            store(to, load(to) + FLOATS(total));
        }
}

/// `dot` for `count` elements whose sums need not become floats in between.
static void dot_part(float *sums, const float *x, const float *w, int64_t n, int64_t o, int64_t count, int64_t x_stride,
                     int64_t stride) {
    for (int64_t k = 0; k < o; k += DOT_O) {
        const int64_t outputs = ck_min(DOT_O, o - k);
        const float *rows = w + k * stride;
        float *to = sums + k * LANES;
        for (int64_t m = 0; m < n;) {
            const float *from = x + m * x_stride;
            // If x is w, the product is symmetric: only the lower triangle is needed.
            const bool is_wanted = x != w || m + DOT_N > k;
            if (n - m >= DOT_N) {
                if (is_wanted)
                    dot_block(to + m * o * LANES, from, rows, o, outputs, count, x_stride, stride, DOT_N);
                m += DOT_N;
            } else {
                dot_block(to + m * o * LANES, from, rows, o, outputs, count, x_stride, stride, 1);
                m++;
            }
        }
    }
}

static void dot(float *sums, const float *x, const float *w, int64_t n, int64_t o, int64_t count, int64_t x_stride,
                int64_t stride) {
    const int64_t most = DOT_STEPS * LANES;
    for (int64_t first = 0; first < count; first += most)
        dot_part(sums, x + first, w + first, n, o, ck_min(most, count - first), x_stride, stride);
}

enum { PAIRS = (DOT_N * DOT_O + LANES - 1) / LANES, HALF = LANES / 2 };

/// Sums of a block of windows and outputs, and the number of vectors that they have.
typedef struct window_sums {
    vec sum[DOT_N * DOT_O];
    int64_t steps;
} window_sums;

/// Adds the sums to products and clears them.
static inline void flush(float *products, window_sums *s) {
#pragma unroll
    for (int i = 0; i < DOT_N * DOT_O; i++) {
        store(products + i * LANES, load(products + i * LANES) + FLOATS(s->sum[i]));
        s->sum[i] = (vec)(0.0f);
    }
    s->steps = 0;
}

/// sum[i * DOT_O + j] += u[i] * the j-th vector of w
static inline __attribute__((always_inline)) void add_products(float *products, window_sums *s, const vec u[DOT_N],
                                                               const float *w) {
#pragma clang fp contract(fast)
#pragma unroll
    for (int j = 0; j < DOT_O; j++) {
        vec v = load(w + j * LANES);
#pragma unroll
        for (int i = 0; i < DOT_N; i++)
            s->sum[i * DOT_O + j] = MULTIPLY_ADD(s->sum[i * DOT_O + j], u[i], v);
    }
    if (DOT_STEPS < DOT_STEPS_OF_FLOATS && ++s->steps == DOT_STEPS)
        flush(products, s);
}

static void dot_windows(float *products, const ck_dense_rows *x, const float *w, int64_t n) {
    const float *a[DOT_N], *b[DOT_N];
    window_sums s = {.steps = 0};
    vec u[DOT_N];
#pragma unroll
    for (int i = 0; i < DOT_N * DOT_O; i++)
        s.sum[i] = (vec)(0.0f);
        // Past the last window, repeat it. Its sums are not used.
#pragma unroll
    for (int i = 0; i < DOT_N; i++) {
        a[i] = x->rows[ck_min(i, n - 1)];
        b[i] = x->rest[ck_min(i, n - 1)];
    }
    const int64_t vectors = x->width / LANES, rest = x->width % LANES;
    for (int64_t row = 0; row < x->height; row++) {
        const int64_t from = row * x->pitch;
        for (int64_t at = 0; at < vectors * LANES; at += LANES, w += DOT_O * LANES) {
#pragma unroll
            for (int i = 0; i < DOT_N; i++)
                u[i] = load(a[i] + from + at);
            add_products(products, &s, u, w);
        }
        if (rest > HALF) {
#pragma unroll
            for (int i = 0; i < DOT_N; i++)
                u[i] = load(a[i] + from + x->width - LANES);
            add_products(products, &s, u, w);
            w += DOT_O * LANES;
        } else if (rest > 0 && (row % 2 == 1 || row + 1 == x->height)) {
            const int64_t last = from + x->width - HALF, before = last - row % 2 * x->pitch;
#pragma unroll
            for (int i = 0; i < DOT_N; i++)
                u[i] = join(a[i] + before, a[i] + last);
            add_products(products, &s, u, w);
            w += DOT_O * LANES;
        }
    }
    for (int64_t at = 0; at < x->rest_count; at += LANES, w += DOT_O * LANES) {
#pragma unroll
        for (int i = 0; i < DOT_N; i++)
            u[i] = load(b[i] + at);
        add_products(products, &s, u, w);
    }
    flush(products, &s);
}

static void pack_windows(float *panel, const float *w, const float *rest, const ck_dense_rows *x) {
    const ivec numbers = {LANE_NUMBERS};
    const int64_t whole = x->width / LANES * LANES, left = x->width - whole, step = DOT_O * LANES;
    for (int64_t row = 0; row < x->height; row++, w += x->pitch) {
        for (int64_t at = 0; at < whole; at += LANES, panel += step)
            store(panel, load(w + at));
        if (left > HALF) {
            store(panel, select_elements(load(w + x->width - LANES), numbers >= (int32_t)(LANES - left)));
            panel += step;
        } else if (left > 0 && (row % 2 == 1 || row + 1 == x->height)) {
            const float *last = w + x->width - HALF, *before = last - row % 2 * x->pitch;
            // A last odd row has its features twice, but its weights once.
            const ivec is_kept = numbers < (int32_t)(row % 2 == 1 ? LANES : HALF);
            const ivec is_wanted = (numbers % HALF >= (int32_t)(HALF - left)) & is_kept;
            store(panel, select_elements(join(before, last), is_wanted));
            panel += step;
        }
    }
    for (int64_t at = 0; at < x->rest_count; at += LANES, panel += step)
        store(panel, load(rest + at));
}

static void add_lanes(float *sums, const float *products, int64_t n, int64_t o, int64_t stride) {
    vec sum[PAIRS * LANES] = {};
#pragma unroll
    for (int i = 0; i < DOT_N * DOT_O; i++)
        sum[i] = load(products + i * LANES);
        // Halves the number of vectors until lane i of the rest is the sum of vector i.
#pragma unroll
    for (int count = PAIRS * LANES; count > PAIRS; count /= 2)
#pragma unroll
        for (int i = 0; i < count / 2; i++)
            sum[i] = add_neighbors(sum[2 * i], sum[2 * i + 1], count * 4 <= PAIRS * LANES);
    float all[PAIRS * LANES];
#pragma unroll
    for (int i = 0; i < PAIRS; i++)
        store(all + i * LANES, sum[i]);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < o; j++)
            sums[i * stride + j] += all[i * DOT_O + j];
}

#define DOTS                                                                                                           \
    {                                                                                                                  \
        .lanes = LANES, .dot = dot, .windows = DOT_N, .outputs = DOT_O, .dot_windows = dot_windows,                    \
        .pack_windows = pack_windows, .add_lanes = add_lanes,                                                          \
    }
