/// Variants of dense layers and optimizer steps for each instruction set; not part of the contract.
#ifndef CK_DENSE_H
#define CK_DENSE_H

#include "runtime/ck_internal.h"

typedef enum ck_method { CK_METHOD_SGD, CK_METHOD_ADAM } ck_method;

/// Parameters of one optimizer step, the same for all weights.
typedef struct ck_step {
    ck_method method;
    float gradient_scale;
    /// Weight decay that is part of the gradient.
    float decay;
    /// SGD. In the first step the velocity is the gradient. `take` is 1 - dampening.
    float learning_rate, momentum, take;
    bool nesterov, is_first;
    /// Adam.
    float beta1, beta2, rest1, rest2, step_size, correction, epsilon, shrink;
} ck_step;

/// Parameters and their optimizer state: the moments of Adam, or the velocity of SGD in `first`, null without momentum.
typedef struct ck_stepped {
    float *parameters, *first, *second;
} ck_stepped;

/// The parameters that begin `by` elements later.
static inline ck_stepped ck_moved(ck_stepped p, int64_t by) {
    return (ck_stepped){p.parameters + by, p.first ? p.first + by : NULL, p.second ? p.second + by : NULL};
}

enum { CK_DENSE_WINDOWS = 4 };

/// Inputs of a few windows in one channel: `height` rows of `width` floats, `pitch` floats apart, and rest_count other
/// floats, a multiple of the lanes.
typedef struct ck_dense_rows {
    const float *rows[CK_DENSE_WINDOWS], *rest[CK_DENSE_WINDOWS];
    int64_t height, width, pitch, rest_count;
} ck_dense_rows;

/// Dot products for one instruction set, of floats or of pairs of integers. Pairs are copied as floats.
typedef struct ck_dense_dots {
    int32_t lanes;
    /// sums[N][O][lanes] += products of `count` elements of x[n] and w[o]; the dot product is the sum over the lanes.
    /// Rows of x are x_stride elements apart, rows of w `stride`. If x is w, products with o > n may be skipped.
    void (*dot)(float *sums, const float *x, const float *w, int64_t n, int64_t o, int64_t count, int64_t x_stride,
                int64_t stride);
    /// Windows, at most CK_DENSE_WINDOWS, and outputs of a block of dot_windows.
    int64_t windows, outputs;
    /// products[windows][outputs][lanes] += products of n windows and a block of outputs. For each vector of a window
    /// there are `outputs` vectors of weights. The rest of a row after whole vectors is read as the last vector of the
    /// row, or, if it fits half a vector, as the last half vector. Half vectors of two rows make a vector; a last odd
    /// row is read twice. Weights of repeated elements are zeros. Rows are empty, or at least one vector long.
    void (*dot_windows)(float *products, const ck_dense_rows *x, const float *w, int64_t n);
    /// Packs the weights of one output for dot_windows: `w` points to those of the rows of x, `rest` to those of the
    /// rest. Only the dimensions of x are used. `panel` is the place of the output in the first vectors of its block.
    void (*pack_windows)(float *panel, const float *w, const float *rest, const ck_dense_rows *x);
    /// sums[n][o], rows `stride` apart, += the products of n windows and o outputs, summed over the lanes.
    void (*add_lanes)(float *sums, const float *products, int64_t n, int64_t o, int64_t stride);
} ck_dense_dots;

/// Inner loops for one instruction set. Dense layers are cut into chunks of `count` inputs. Rows of x, gx, w and gw are
/// `stride` floats apart. Rows of gy[N][O] are contiguous.
typedef struct ck_dense_variant {
    ck_isa isa;
    ck_dense_dots dots;
    /// gx[n][i] = sum over o of gy[n][o] * w[o][i]
    void (*backward_data)(float *gx, const float *gy, const float *w, int64_t n, int64_t o, int64_t count,
                          int64_t stride);
    /// gw[o][i] = sum over n of gy[n][o] * x[n][i]
    void (*backward_weight)(float *gw, const float *gy, const float *x, int64_t n, int64_t o, int64_t count,
                            int64_t stride);
    /// One step of the weights w, with the gradient of backward_weight, which is not stored.
    void (*step_product)(const ck_step *step, ck_stepped w, const float *gy, const float *x, int64_t n, int64_t o,
                         int64_t count, int64_t stride);
    /// One step of `count` parameters.
    void (*step)(const ck_step *step, ck_stepped p, const float *gradients, int64_t count);
} ck_dense_variant;

extern const ck_dense_variant ck_dense_portable, ck_dense_avx2, ck_dense_avx512;

/// The selected variant, or the best one that the processor supports; null if the selected one is not available.
const ck_dense_variant *ck_dense_choose(void);

/// Adds sums[groups][count][lanes]; the first `count` elements become the results.
void ck_add_dense_groups(float *sums, int64_t groups, int64_t count, int64_t lanes);

enum {
    /// Outputs are summed in at most this many groups of chunks or channels, then reduced in a fixed order.
    CK_DENSE_GROUPS = 16,
    /// Inputs of a chunk: the chunk of a batch stays in the second-level cache, and the rows of a register block in the
    /// first-level cache.
    CK_DENSE_CHUNK = 960,
    /// Elements of the longest vector.
    CK_DENSE_LANES = 16,
    /// Inputs of a chunk for steps, which read and write rows of three arrays and are faster with longer ones.
    CK_STEP_CHUNK = 3840,
};

#endif
