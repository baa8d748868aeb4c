/// Dense layers and optimizer steps for vectors of LANES floats: included with the instruction set ISA, LANES and the
/// register blocks defined:
///   DOT_N, DOT_O        samples and outputs of a block of dot products
///   DATA_N, DATA_V      samples and vectors of inputs of a block of gradients with respect to the inputs
///   WEIGHT_O, WEIGHT_V  outputs and vectors of inputs of a block of gradients with respect to the weights
/// Defines VARIANT, the initializer of a ck_dense_variant.
/// No OpenMP here: the outlined body of a parallel region loses its target attribute.
#include "dense/ck_dense.h"
#include "runtime/ck_lanes.h"

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
                sum[i][j] += u * v[j];
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
            vec total = load(to) + sum[i][j];
            if (rest > 0)
                total += load_part(x + i * x_stride + at, rest) * load_part(b[j] + at, rest);
            store(to, total);
        }
}

static void dot(float *sums, const float *x, const float *w, int64_t n, int64_t o, int64_t count, int64_t x_stride,
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

/// Gradients with respect to `vectors` (at most DATA_V) vectors of inputs for all samples. The last vector has `lanes`
/// inputs.
static inline __attribute__((always_inline)) void data_strip(float *gx, const float *gy, const float *w, int64_t n,
                                                             int64_t o, int64_t stride, int vectors, int64_t lanes) {
#pragma clang fp contract(fast)
    for (int64_t m = 0; m < n; m += DATA_N) {
        const float *gradient[DATA_N];
        vec sum[DATA_N][DATA_V];
#pragma unroll
        for (int i = 0; i < DATA_N; i++) {
            gradient[i] = gy + ck_min(m + i, n - 1) * o;
#pragma unroll
            for (int p = 0; p < vectors; p++)
                sum[i][p] = (vec)(0.0f);
        }
        for (int64_t k = 0; k < o; k++) {
            vec v[DATA_V];
#pragma unroll
            for (int p = 0; p < vectors; p++) {
                v[p] = lanes == LANES ? load(w + k * stride + p * LANES) : load_part(w + k * stride, lanes);
                // The next strip: rows are too far apart for the hardware prefetcher.
                if (m == 0)
                    __builtin_prefetch(w + k * stride + (vectors + p) * LANES);
            }
#pragma unroll
            for (int i = 0; i < DATA_N; i++) {
                vec g = (vec)(gradient[i][k]);
#pragma unroll
                for (int p = 0; p < vectors; p++)
                    sum[i][p] += g * v[p];
            }
        }
#pragma unroll
        for (int i = 0; i < DATA_N; i++)
            if (m + i < n)
#pragma unroll
                for (int p = 0; p < vectors; p++)
                    store_elements(gx + (m + i) * stride + p * LANES, sum[i][p], lanes);
    }
}

static void backward_data(float *gx, const float *gy, const float *w, int64_t n, int64_t o, int64_t count,
                          int64_t stride) {
    int64_t at = 0;
    for (; at + DATA_V * LANES <= count; at += DATA_V * LANES)
        data_strip(gx + at, gy, w + at, n, o, stride, DATA_V, LANES);
    for (; at < count; at += LANES)
        data_strip(gx + at, gy, w + at, n, o, stride, 1, ck_min(LANES, count - at));
}

/// One step of LANES parameters.
static inline __attribute__((always_inline)) void step_vector(const ck_step *s, ck_stepped p, vec gradient) {
    vec parameter = load(p.parameters);
    gradient = gradient * s->gradient_scale + s->decay * parameter;
    if (s->method == CK_METHOD_ADAM) {
        vec m = s->beta1 * load(p.first) + s->rest1 * gradient;
        vec v = s->beta2 * load(p.second) + s->rest2 * gradient * gradient;
        store(p.first, m);
        store(p.second, v);
        vec spread = __builtin_elementwise_sqrt(v) * s->correction + s->epsilon;
        store(p.parameters, parameter * s->shrink - s->step_size * m / spread);
        return;
    }
    if (s->momentum != 0) {
        vec velocity = s->is_first ? gradient : s->momentum * load(p.first) + s->take * gradient;
        store(p.first, velocity);
        gradient = s->nesterov ? gradient + s->momentum * velocity : velocity;
    }
    store(p.parameters, parameter - s->learning_rate * gradient);
}

static inline ck_stepped moved(ck_stepped p, int64_t by) {
    return (ck_stepped){p.parameters + by, p.first ? p.first + by : NULL, p.second ? p.second + by : NULL};
}

/// One step of `count` parameters, fewer than LANES.
static void step_part(const ck_step *s, ck_stepped p, vec gradient, int64_t count) {
    float *from[3] = {p.parameters, p.first, p.second}, part[3][LANES] = {{0}};
    for (int a = 0; a < 3; a++)
        for (int64_t i = 0; from[a] && i < count; i++)
            part[a][i] = from[a][i];
    step_vector(s, (ck_stepped){part[0], p.first ? part[1] : NULL, p.second ? part[2] : NULL}, gradient);
    for (int a = 0; a < 3; a++)
        for (int64_t i = 0; from[a] && i < count; i++)
            from[a][i] = part[a][i];
}

static void step(const ck_step *s, ck_stepped p, const float *gradients, int64_t count) {
    int64_t at = 0;
    for (; at + LANES <= count; at += LANES)
        step_vector(s, moved(p, at), load(gradients + at));
    if (at < count)
        step_part(s, moved(p, at), load_part(gradients + at, count - at), count - at);
}

/// Gradients with respect to the weights of `vectors` (at most WEIGHT_V) vectors of inputs and a block of outputs. The
/// last vector has `lanes` inputs. The first `rows` outputs are stored.
static inline __attribute__((always_inline)) void weight_tile(float *gw, const float *gy, const float *x, int64_t n,
                                                              int64_t o, int64_t rows, int64_t stride,
                                                              int64_t out_stride, int vectors, int64_t lanes) {
#pragma clang fp contract(fast)
    int64_t row[WEIGHT_O];
    vec sum[WEIGHT_O][WEIGHT_V];
#pragma unroll
    for (int j = 0; j < WEIGHT_O; j++) {
        row[j] = ck_min(j, rows - 1);
#pragma unroll
        for (int v = 0; v < vectors; v++)
            sum[j][v] = (vec)(0.0f);
    }
    for (int64_t m = 0; m < n; m++, x += stride, gy += o) {
        vec in[WEIGHT_V];
#pragma unroll
        for (int v = 0; v < vectors; v++)
            in[v] = lanes == LANES ? load(x + v * LANES) : load_part(x, lanes);
#pragma unroll
        for (int j = 0; j < WEIGHT_O; j++) {
            vec g = (vec)(gy[row[j]]);
#pragma unroll
            for (int v = 0; v < vectors; v++)
                sum[j][v] += g * in[v];
        }
    }
#pragma unroll
    for (int j = 0; j < WEIGHT_O; j++)
        if (j < rows)
#pragma unroll
            for (int v = 0; v < vectors; v++)
                store_elements(gw + j * out_stride + v * LANES, sum[j][v], lanes);
}

static void weight_rows(float *gw, const float *gy, const float *x, int64_t n, int64_t o, int64_t rows, int64_t count,
                        int64_t stride, int64_t out_stride) {
    int64_t at = 0;
    for (; at + WEIGHT_V * LANES <= count; at += WEIGHT_V * LANES)
        weight_tile(gw + at, gy, x + at, n, o, rows, stride, out_stride, WEIGHT_V, LANES);
    for (; at < count; at += LANES)
        weight_tile(gw + at, gy, x + at, n, o, rows, stride, out_stride, 1, ck_min(LANES, count - at));
}

static void backward_weight(float *gw, const float *gy, const float *x, int64_t n, int64_t o, int64_t count,
                            int64_t stride) {
    for (int64_t k = 0; k < o; k += WEIGHT_O)
        weight_rows(gw + k * stride, gy + k, x, n, o, ck_min(WEIGHT_O, o - k), count, stride, stride);
}

/// Gradients of a block of outputs are buffered in the first-level cache, so that steps process whole rows.
static void step_product(const ck_step *s, ck_stepped w, const float *gy, const float *x, int64_t n, int64_t o,
                         int64_t count, int64_t stride) {
    float gradients[WEIGHT_O * CK_STEP_CHUNK];
    for (int64_t k = 0; k < o; k += WEIGHT_O) {
        int64_t rows = ck_min(WEIGHT_O, o - k);
        weight_rows(gradients, gy + k, x, n, o, rows, count, stride, CK_STEP_CHUNK);
        for (int64_t j = 0; j < rows; j++)
            step(s, moved(w, (k + j) * stride), gradients + j * CK_STEP_CHUNK, count);
    }
}

#define VARIANT                                                                                                        \
    {                                                                                                                  \
        .isa = ISA, .lanes = LANES, .dot = dot, .windows = DOT_N, .outputs = DOT_O, .dot_windows = dot_windows,        \
        .pack_windows = pack_windows, .add_lanes = add_lanes, .backward_data = backward_data,                          \
        .backward_weight = backward_weight, .step_product = step_product, .step = step,                                \
    }
