/// Compute kernels of the package.
///
/// Dimension letters:
///   N batch   C input channels   K output channels (filters)   H, W height and width   R, S height and width of a
///   kernel or pooling window   OH, OW output height and width   I, O inputs and outputs of a dense layer
///
/// Layouts: activations are float32 NCHW, filters KCRS, dense weights [O][I]. All arrays are contiguous.
///
/// Naming: x is the input, y the output, w the weights and b the bias; gx is the gradient of the loss with respect to
/// x, and so on.
///
/// Contract of every kernel:
///   - Parameters come in this order: outputs, inputs, dimensions, scratch. The caller owns all memory.
///   - Outputs are overwritten, and do not overlap an input, except where a comment says so.
///   - Kernels never allocate, print or exit. They validate their arguments and return a status.
///   - Work is split at boundaries that depend on shapes only, and partial results are reduced in a fixed order, so
///     results have the same bits for any number of threads.
///   - Kernels are called from one thread at a time, except where a comment says so.
///   - Dimensions are 1 or more. Elementwise kernels also accept a count of 0.
#ifndef CKERNELS_H
#define CKERNELS_H

#include "ck_feature_windows.h"
#include "ck_fixed.h"
#include "ck_images.h"
#include "ck_losses.h"
#include "ck_runtime.h"

#ifdef __cplusplus
extern "C" {
#endif

// Convolution (conv2d/conv2d.c)

/// Geometry of a two-dimensional, zero-padded cross-correlation.
typedef struct ck_conv2d {
    int64_t n, c, h, w;
    int64_t k, r, s;
    int64_t stride_h, stride_w;
    int64_t pad_h, pad_w;
} ck_conv2d;

/// How each block of 2 x 2 outputs is reduced to one value. An odd last row or column is dropped.
typedef enum __attribute__((enum_extensibility(closed))) ck_pooling {
    CK_POOLING_NONE CK_SWIFT_NAME("none") = 0,
    CK_POOLING_MEAN CK_SWIFT_NAME("mean"),
    /// Forward only. NaN wins.
    CK_POOLING_MAXIMUM CK_SWIFT_NAME("maximum"),
} ck_pooling;

/// Operations fused into a convolution, applied before results are stored: y = pool(relu(convolution + residual)).
/// Kernels accept null for an epilogue that does nothing.
typedef struct ck_conv2d_epilogue {
    /// max(v, 0); NaN stays NaN.
    bool relu;
    ck_pooling pooling;
    /// [N][K][OH][OW], or null; must be null with pooling. Read by forward; must not overlap y.
    const float *residual;
    /// ReLU mask, ck_conv2d_relu_mask_bytes bytes; used only when relu is followed by pooling. One bit for each value
    /// before pooling, set unless the value is <= 0. Forward writes it (null: not wanted), backward reads it.
    uint8_t *relu_mask;
    /// Output of forward. Read by backward when relu is not followed by pooling.
    const float *y;
} ck_conv2d_epilogue;

/// OH = (H + 2 pad_h - R) / stride_h + 1 and OW likewise, rounded down: the size before pooling.
ck_status ck_conv2d_output_size(int64_t *oh, int64_t *ow, const ck_conv2d *d);
/// Bytes of the ReLU mask; 0 when the geometry is invalid.
size_t ck_conv2d_relu_mask_bytes(const ck_conv2d *d);
/// Floats of scratch that the forward kernel and both backward kernels need with the current number of threads; 0 when
/// the geometry is invalid.
size_t ck_conv2d_scratch(const ck_conv2d *d, const ck_conv2d_epilogue *epilogue);
/// y[N][K][OH][OW], or y[N][K][OH / 2][OW / 2] with pooling: the epilogue applied to
///   b[k] + sum over c, r, s of w[k][c][r][s] * x[n][c][oh*stride_h - pad_h + r][ow*stride_w - pad_w + s]
/// b may be null (no bias).
ck_status ck_conv2d_forward(float *y, const float *x, const float *w, const float *b, const ck_conv2d *d,
                            const ck_conv2d_epilogue *epilogue, float *scratch, size_t scratch_count);
/// gx[N][C][H][W]: gradient of the loss with respect to x, from gy (same shape as y) and w. The gradient with respect
/// to the residual, gy where y > 0 and else 0, is left to the caller (ck_relu_backward).
ck_status ck_conv2d_backward_data(float *gx, const float *gy, const float *w, const ck_conv2d *d,
                                  const ck_conv2d_epilogue *epilogue, float *scratch, size_t scratch_count);
/// gw[K][C][R][S] and gb[K] (may be null): gradients with respect to w and b, from gy and x, summed over the batch.
ck_status ck_conv2d_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_conv2d *d,
                                    const ck_conv2d_epilogue *epilogue, float *scratch, size_t scratch_count);

/// Algorithms for convolution. A shape that the selected algorithm does not support uses the fastest of the others.
typedef enum __attribute__((enum_extensibility(closed))) ck_conv2d_algorithm {
    /// The fastest for the shape.
    CK_CONV2D_ANY CK_SWIFT_NAME("any") = 0,
    /// Unrolled patches and matrix products (BLAS). Supports every shape.
    CK_CONV2D_IM2COL CK_SWIFT_NAME("im2col"),
    /// Register-blocked loops over the image itself.
    CK_CONV2D_DIRECT CK_SWIFT_NAME("direct"),
    /// Winograd's transforms F(4x4, 5x5) and F(4x4, 3x3): kernels of 5 x 5 and 3 x 3 with stride 1. Errors are about
    /// ten times those of the others, up to 1e-5 of the largest result. An infinity or NaN spreads to every 4 x 4 tile
    /// of outputs that reads it.
    CK_CONV2D_WINOGRAD CK_SWIFT_NAME("winograd"),
} ck_conv2d_algorithm;

/// Selects the convolution algorithm and, like ck_set_isa, the instruction set. Changes how much scratch convolutions
/// need. Until the first call, the environment variable NUCLEI_CONV (any, im2col, direct, winograd) selects the
/// algorithm if it is set. Returns CK_BAD_PARAMETER when the processor lacks the instruction set. Convolutions return
/// CK_BAD_PARAMETER when the environment names an unknown algorithm or an instruction set that is not available.
ck_status ck_conv2d_set_algorithm(ck_conv2d_algorithm algorithm, ck_isa isa);
/// Name of an algorithm in NUCLEI_CONV; null for an unknown number. Algorithms are numbered from 0 without gaps.
const char *ck_conv2d_algorithm_name(ck_conv2d_algorithm algorithm);

/// Kernels of a convolution.
typedef enum __attribute__((enum_extensibility(closed))) ck_conv2d_pass {
    CK_FORWARD CK_SWIFT_NAME("forward") = 0,
    CK_BACKWARD_DATA CK_SWIFT_NAME("backwardData"),
    CK_BACKWARD_WEIGHT CK_SWIFT_NAME("backwardWeight"),
} ck_conv2d_pass;

/// algorithm: the one that computes this pass for this shape with the current selection; never CK_CONV2D_ANY.
ck_status ck_conv2d_chosen_algorithm(ck_conv2d_algorithm *algorithm, const ck_conv2d *d, ck_conv2d_pass pass);

// Pooling (pooling/pool2d.c)

/// Geometry of pooling. OH = (H + 2 pad_h - R) / stride_h + 1 and OW likewise, rounded down. 0 <= pad_h < R and
/// 0 <= pad_w < S. Padding is never the maximum; average pooling has none.
typedef struct ck_pool2d {
    int64_t n, c, h, w;
    int64_t r, s;
    int64_t stride_h, stride_w;
    int64_t pad_h, pad_w;
} ck_pool2d;

ck_status ck_pool2d_output_size(int64_t *oh, int64_t *ow, const ck_pool2d *d);
/// Average pooling: y[N][C][OH][OW] = mean over each window of x[N][C][H][W].
ck_status ck_avg_pool2d_forward(float *y, const float *x, const ck_pool2d *d);
/// gx[N][C][H][W] from gy[N][C][OH][OW].
ck_status ck_avg_pool2d_backward(float *gx, const float *gy, const ck_pool2d *d);
/// Max pooling: y[N][C][OH][OW] = maximum over each window of x[N][C][H][W]. A window with a NaN gives NaN.
ck_status ck_max_pool2d_forward(float *y, const float *x, const ck_pool2d *d);
/// gx[N][C][H][W] from gy[N][C][OH][OW]. The gradient goes to the first maximum of each window, recomputed from
/// x[N][C][H][W].
ck_status ck_max_pool2d_backward(float *gx, const float *gy, const float *x, const ck_pool2d *d);

// Global pooling (pooling/global_pool.c)

/// y[N][2][C] from x[N][C][plane]: the mean of each plane, then its maximum. Without `maximum`, y[N][C]: the mean. A
/// plane with a NaN gives NaN.
ck_status ck_global_pool_forward(float *y, const float *x, int64_t n, int64_t c, int64_t plane, bool maximum);
/// gx[N][C][plane] from gy of the shape of y. The gradient of a maximum goes to its first place in x[N][C][plane].
ck_status ck_global_pool_backward(float *gx, const float *gy, const float *x, int64_t n, int64_t c, int64_t plane,
                                  bool maximum);

// Upsampling (upsampling/upsample.c)

/// y[planes][H][W] = skip[planes][H][W] + x[planes][ceil(H / 2)][ceil(W / 2)], each element of x repeated 2 x 2 times
/// and cut at the end. y may be skip, whose gradient is gy.
ck_status ck_upsample_add_forward(float *y, const float *skip, const float *x, int64_t planes, int64_t h, int64_t w);
/// gx[planes][ceil(H / 2)][ceil(W / 2)] from gy[planes][H][W].
ck_status ck_upsample_add_backward(float *gx, const float *gy, int64_t planes, int64_t h, int64_t w);

/// y[planes][2 H][2 W] from x[4 planes][H][W]: four channels become the pixels of 2 x 2 squares, upper left, upper
/// right, lower left, lower right, as torch.nn.PixelShuffle(2).
ck_status ck_pixel_shuffle_forward(float *y, const float *x, int64_t planes, int64_t h, int64_t w);
/// gx[4 planes][H][W] from gy[planes][2 H][2 W].
ck_status ck_pixel_shuffle_backward(float *gx, const float *gy, int64_t planes, int64_t h, int64_t w);

// Batch normalization (normalization/batch_norm.c; Ioffe and Szegedy 2015)

/// Geometry: planes of `plane` = H x W elements. With relu, the output is max(y, 0) of the formulas below.
typedef struct ck_batch_norm {
    int64_t n, c, plane;
    float epsilon;
    bool relu;
} ck_batch_norm;

/// y[N][C][plane] = (x - mean[c]) * inverse_deviation[c] * weight[c] + bias[c], as torch.nn.BatchNorm2d in training.
/// y may be x. At least two values in each channel.
/// mean[C], inverse_deviation[C] = 1 / sqrt(variance + epsilon): statistics of the batch, read by backward.
/// running_mean[C], running_variance[C]: updated as (1 - momentum) * running + momentum * batch, where the batch's
/// variance is the unbiased one.
ck_status ck_batch_norm_forward_training(float *y, float *mean, float *inverse_deviation, float *running_mean,
                                         float *running_variance, const float *x, const float *weight,
                                         const float *bias, float momentum, const ck_batch_norm *d);
/// y[N][C][plane] with the running mean and variance in place of those of the batch. y may be x.
ck_status ck_batch_norm_forward_inference(float *y, const float *x, const float *weight, const float *bias,
                                          const float *running_mean, const float *running_variance,
                                          const ck_batch_norm *d);
/// Gradients in training. With relu, its mask is recomputed from x.
/// gx[N][C][plane] may be null, or gy. gweight[C], gbias[C]: summed over the batch.
/// gy, x: [N][C][plane]. mean[C], inverse_deviation[C]: from the forward kernel.
ck_status ck_batch_norm_backward(float *gx, float *gweight, float *gbias, const float *gy, const float *x,
                                 const float *weight, const float *bias, const float *mean,
                                 const float *inverse_deviation, const ck_batch_norm *d);
/// Gradients of ck_batch_norm_forward_inference, which does not depend on other samples. gx may be null, or gy. gweight
/// and gbias may both be null. With relu, its mask is recomputed from x.
ck_status ck_batch_norm_backward_inference(float *gx, float *gweight, float *gbias, const float *gy, const float *x,
                                           const float *weight, const float *bias, const float *running_mean,
                                           const float *running_variance, const ck_batch_norm *d);

// Dense layer (dense/linear.c)

/// Floats of scratch for ck_linear_forward; 0 when a dimension is invalid.
size_t ck_linear_scratch(int64_t n, int64_t i, int64_t o);
/// y[N][O] = b[o] + sum over i of x[N][I] * w[O][I]; b may be null.
ck_status ck_linear_forward(float *y, const float *x, const float *w, const float *b, int64_t n, int64_t i, int64_t o,
                            float *scratch, size_t scratch_count);
/// gx[N][I] from gy[N][O] and w.
ck_status ck_linear_backward_data(float *gx, const float *gy, const float *w, int64_t n, int64_t i, int64_t o);
/// gw[O][I] and gb[O] (either may be null) from gy and x, summed over the batch.
ck_status ck_linear_backward_weight(float *gw, float *gb, const float *gy, const float *x, int64_t n, int64_t i,
                                    int64_t o);
/// norm2: sum of the squared elements of gw, computed without gw from the Gram matrices of gy and x: it is the sum of
/// the elements of their elementwise product. Scratch: ck_linear_scratch(n, i, n).
ck_status ck_linear_squared_norm(double *norm2, const float *gy, const float *x, int64_t n, int64_t i, int64_t o,
                                 float *scratch, size_t scratch_count);

// Elementwise (elementwise/activation.c, add.c, dropout.c, runtime/random.c). Arrays have `count` elements.

/// y = max(x, 0); NaN stays NaN. y may be x.
ck_status ck_relu_forward(float *y, const float *x, int64_t count);
/// gx = 0 where y <= 0, else gy. Where y is NaN the gradient passes, as in PyTorch. gx may be gy.
ck_status ck_relu_backward(float *gx, const float *gy, const float *y, int64_t count);
/// y = a + b, or max(a + b, 0) with relu, whose gradient is ck_relu_backward. y may be a or b.
ck_status ck_add(float *y, const float *a, const float *b, int64_t count, bool relu);
/// Inverted dropout: y[i] = x[i] / (1 - p) with probability 1 - p, else 0, for 0 <= p < 1. Whether element i is kept
/// depends on (seed, i) only, so the same call on gradients is the backward pass. y may be x.
ck_status ck_dropout(float *y, const float *x, int64_t count, float p, uint64_t seed);
/// Element i of a stream of independent 64-bit numbers: SplitMix64 (Steele, Lea and Flood 2014) at counter i + 1.
static inline uint64_t ck_random_bits(uint64_t seed, uint64_t i) {
    uint64_t z = (i + 1) * 0x9E3779B97F4A7C15u + seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}
/// y[i]: uniform in [low, high), low < high, from the upper 24 bits of element i of the seed's stream.
ck_status ck_random_uniform(float *y, int64_t count, float low, float high, uint64_t seed);

// Optimizers (optimizer/optimizer.c). Each updates flat parameters in one pass. The gradient is
//   gradient_scale * g + weight_decay * parameter
// without the second term where the decay is decoupled. gradient_scale is 1, or the factor of gradient clipping.

typedef struct ck_sgd {
    float learning_rate, momentum, dampening, weight_decay;
    bool nesterov;
} ck_sgd;

/// One step of torch.optim.SGD.
/// parameters[count], velocity[count]: updated. velocity may be null when momentum is 0; step 1 initializes it.
/// step counts from 1.
ck_status ck_sgd_step(float *parameters, float *velocity, const float *gradients, int64_t count, float gradient_scale,
                      int64_t step, const ck_sgd *settings);

/// ck_sgd_step on the weights w[O][I] of a dense layer. The gradient, that of ck_linear_backward_weight, is computed
/// from gy[N][O] and x[N][I] on the fly and not stored.
ck_status ck_sgd_step_product(float *w, float *velocity, const float *gy, const float *x, int64_t n, int64_t i,
                              int64_t o, float gradient_scale, int64_t step, const ck_sgd *settings);

typedef struct ck_adam {
    float learning_rate, beta1, beta2, epsilon, weight_decay;
    /// true: AdamW; false: Adam with L2 regularization.
    bool decoupled_decay;
} ck_adam;

/// One step of torch.optim.Adam or AdamW (Kingma and Ba 2015; Loshchilov and Hutter 2019).
/// parameters[count], first_moment[count], second_moment[count]: updated. The moments start at 0.
/// step counts from 1.
ck_status ck_adam_step(float *parameters, float *first_moment, float *second_moment, const float *gradients,
                       int64_t count, float gradient_scale, int64_t step, const ck_adam *settings);

/// ck_adam_step on the weights w[O][I] of a dense layer, with the gradient of ck_sgd_step_product.
ck_status ck_adam_step_product(float *w, float *first_moment, float *second_moment, const float *gy, const float *x,
                               int64_t n, int64_t i, int64_t o, float gradient_scale, int64_t step,
                               const ck_adam *settings);

/// Doubles of scratch for ck_squared_norm.
size_t ck_squared_norm_scratch(int64_t count);
/// norm2: sum of x[i]^2 over x[count], in double precision.
ck_status ck_squared_norm(double *norm2, const float *x, int64_t count, double *scratch, size_t scratch_count);

#ifdef __cplusplus
}
#endif

#endif
