/// Dense layers for vectors of LANES floats: included with the instruction set ISA, LANES and the register blocks
/// defined:
///   DOT_N, DOT_O        samples and outputs of a block of dot products
///   DATA_N, DATA_V      samples and vectors of inputs of a block of gradients with respect to the inputs
///   WEIGHT_O, WEIGHT_V  outputs and vectors of inputs of a block of gradients with respect to the weights
/// Defines VARIANT, the initializer of a ck_dense_variant.
/// No OpenMP here: the outlined body of a parallel region loses its target attribute.
#include "runtime/ck_lanes.h"

#define MULTIPLY_ADD(sum, a, b) ((sum) + (a) * (b))
#define FLOATS(sum) (sum)
#define DOT_STEPS DOT_STEPS_OF_FLOATS
#include "dense/dense_dots.h"

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

#include "dense/dense_step.h"

#define VARIANT                                                                                                        \
    {                                                                                                                  \
        .isa = ISA, .dots = DOTS, .backward_data = backward_data, .backward_weight = backward_weight,                  \
        .step_product = step_product, .step = step,                                                                    \
    }
