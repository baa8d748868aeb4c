/// Dense layers that read windows of a feature map in place; included by dense_tile.h with its macros defined.

enum { PAIRS = (DOT_N * DOT_O + LANES - 1) / LANES, HALF = LANES / 2 };

/// sum[i * DOT_O + j] += u[i] * the j-th vector of w
static inline __attribute__((always_inline)) void add_products(vec sum[DOT_N * DOT_O], const vec u[DOT_N],
                                                               const float *w) {
#pragma clang fp contract(fast)
#pragma unroll
    for (int j = 0; j < DOT_O; j++) {
        vec v = load(w + j * LANES);
#pragma unroll
        for (int i = 0; i < DOT_N; i++)
            sum[i * DOT_O + j] += u[i] * v;
    }
}

static void dot_windows(float *products, const ck_dense_rows *x, const float *w, int64_t n) {
    const float *a[DOT_N], *b[DOT_N];
    vec sum[DOT_N * DOT_O], u[DOT_N];
#pragma unroll
    for (int i = 0; i < DOT_N * DOT_O; i++)
        sum[i] = load(products + i * LANES);
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
            add_products(sum, u, w);
        }
        if (rest > HALF) {
#pragma unroll
            for (int i = 0; i < DOT_N; i++)
                u[i] = load(a[i] + from + x->width - LANES);
            add_products(sum, u, w);
            w += DOT_O * LANES;
        } else if (rest > 0 && (row % 2 == 1 || row + 1 == x->height)) {
            const int64_t last = from + x->width - HALF, before = last - row % 2 * x->pitch;
#pragma unroll
            for (int i = 0; i < DOT_N; i++)
                u[i] = join(a[i] + before, a[i] + last);
            add_products(sum, u, w);
            w += DOT_O * LANES;
        }
    }
    for (int64_t at = 0; at < x->rest_count; at += LANES, w += DOT_O * LANES) {
#pragma unroll
        for (int i = 0; i < DOT_N; i++)
            u[i] = load(b[i] + at);
        add_products(sum, u, w);
    }
#pragma unroll
    for (int i = 0; i < DOT_N * DOT_O; i++)
        store(products + i * LANES, sum[i]);
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
