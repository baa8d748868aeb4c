/// Shared by dense layers, optimizers and their variants for each instruction set; not part of the contract.
#ifndef CK_DENSE_H
#define CK_DENSE_H

#include "runtime/ck_internal.h"

typedef enum ck_method { CK_METHOD_SGD, CK_METHOD_ADAM } ck_method;

/// How parameters follow gradients in one step, the same for all of them.
typedef struct ck_step {
    ck_method method;
    float gradient_scale;
    /// Of the parameter, in its gradient.
    float decay;
    /// SGD; the velocity starts with the first gradient.
    float learning_rate, momentum, take;
    bool nesterov, is_first;
    /// Adam.
    float beta1, beta2, rest1, rest2, step_size, correction, epsilon, shrink;
} ck_step;

/// Parameters and what an optimizer remembers of each: Adam's moments, or SGD's velocity in `first`, null without
/// momentum.
typedef struct ck_stepped {
    float *parameters, *first, *second;
} ck_stepped;

enum { CK_DENSE_WINDOWS = 4 };

/// Inputs of a few windows in one channel: `height` rows of `width` floats, `pitch` floats apart, and rest_count
/// others, a multiple of the lanes.
typedef struct ck_dense_rows {
    const float *rows[CK_DENSE_WINDOWS], *rest[CK_DENSE_WINDOWS];
    int64_t height, width, pitch, rest_count;
} ck_dense_rows;

/// Leaf functions for one instruction set. Dense layers come to them in chunks of `count` inputs: rows of x, gx, w and
/// gw lie `stride` floats apart (in `dot`, those of x `x_stride`), those of gy[N][O] follow each other.
typedef struct ck_dense_variant {
    ck_isa isa;
    int32_t lanes;
    /// sums[N][O][lanes] += products of x[n] and w[o], to be added up over the lanes. Where x is w, those for o > n are
    /// left out.
    void (*dot)(float *sums, const float *x, const float *w, int64_t n, int64_t o, int64_t count, int64_t x_stride,
                int64_t stride);
    /// Windows, at most CK_DENSE_WINDOWS, and outputs of a block of dot_windows.
    int64_t windows, outputs;
    /// products[windows][outputs][lanes] += those of n windows and a block of outputs. Weights come in vectors,
    /// `outputs` for each vector of a window. What is left of a row after whole vectors is the end of a vector that
    /// ends where the row does or, if it is no more than half a vector, of a half: those of two rows (of the last row
    /// twice) make a vector. Weights are zeros for what comes twice. Rows are empty, or a vector long at least.
    void (*dot_windows)(float *products, const ck_dense_rows *x, const float *w, int64_t n);
    /// The weights of one output for dot_windows: those of x's rows from w on, those of the rest from `rest` on; x has
    /// no features. `panel` is the output's place in the first vectors of its block.
    void (*pack_windows)(float *panel, const float *w, const float *rest, const ck_dense_rows *x);
    /// sums[n][o], rows `stride` apart, += the products of n windows and o outputs, added up over the lanes.
    void (*add_lanes)(float *sums, const float *products, int64_t n, int64_t o, int64_t stride);
    /// gx[n][i] = sum over o of gy[n][o] * w[o][i]
    void (*backward_data)(float *gx, const float *gy, const float *w, int64_t n, int64_t o, int64_t count,
                          int64_t stride);
    /// gw[o][i] = sum over n of gy[n][o] * x[n][i]
    void (*backward_weight)(float *gw, const float *gy, const float *x, int64_t n, int64_t o, int64_t count,
                            int64_t stride);
    /// One step of weights whose gradients are these sums, which are not stored.
    void (*step_product)(const ck_step *step, ck_stepped w, const float *gy, const float *x, int64_t n, int64_t o,
                         int64_t count, int64_t stride);
    /// One step of `count` parameters.
    void (*step)(const ck_step *step, ck_stepped p, const float *gradients, int64_t count);
} ck_dense_variant;

extern const ck_dense_variant ck_dense_portable, ck_dense_avx2, ck_dense_avx512;

/// The best variant of the processor, or the one that is asked for; null when that is not there.
const ck_dense_variant *ck_dense_choose(void);

enum {
    /// Inputs of a chunk: those of a batch stay in the second-level cache, and what a block of registers meets of them
    /// in
    /// the first-level cache.
    CK_DENSE_CHUNK = 960,
    /// The same for steps, which go along rows of three arrays at once and like them long.
    CK_STEP_CHUNK = 3840,
};

#endif
