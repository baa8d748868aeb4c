/// The arithmetic of the package: everything worth threading.
///
/// Dimension letters, used everywhere:
///   N batch   C input channels   K output channels (filters)   H, W height and width   R, S height and width of a
///   kernel or pooling window   OH, OW output height and width   I, O inputs and outputs of a dense layer
///
/// Layouts: activations are float32 NCHW, filters KCRS, dense weights [O][I]; all dense, rows without padding.
///
/// Contract of every kernel: memory is the caller's; outputs come first, then inputs, then dimensions, then scratch.
/// Outputs are overwritten, never accumulated into, and overlap an input only where a comment allows it. A kernel
/// never allocates, prints or exits; it checks its arguments once and returns a status. Work is cut into pieces whose
/// boundaries depend on shapes only and partial results are reduced in a fixed order, so every result has the same
/// bits for any number of threads. Call kernels from one thread at a time (ck_augment_windows says more). Dimensions
/// are 1 or more; elementwise kernels and ck_softmax also take a count of 0.
#ifndef CKERNELS_H
#define CKERNELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/// The name of an enumerator in Swift, where the enumerations here are closed ones.
#if __has_attribute(swift_name)
#define CK_SWIFT_NAME(name) __attribute__((swift_name(name)))
#else
#define CK_SWIFT_NAME(name)
#endif

/// What a kernel thinks of its arguments.
typedef enum __attribute__((enum_extensibility(closed))) ck_status {
    CK_OK CK_SWIFT_NAME("ok") = 0,
    /// A pointer that may not be null is null.
    CK_NULL_POINTER CK_SWIFT_NAME("nullPointer"),
    /// A dimension is negative or zero where it may not be, or a window is larger than what it slides over.
    CK_BAD_DIMENSION CK_SWIFT_NAME("badDimension"),
    /// A parameter such as a probability or a momentum is outside its range or not a number.
    CK_BAD_PARAMETER CK_SWIFT_NAME("badParameter"),
    /// The scratch memory is smaller than the query function asked for.
    CK_SCRATCH_TOO_SMALL CK_SWIFT_NAME("scratchTooSmall"),
    /// A target class is not below the number of classes.
    CK_BAD_TARGET CK_SWIFT_NAME("badTarget"),
} ck_status;

// Threads (threads.c)

/// Sets how many threads kernels may use, 1 ... 256.
ck_status ck_set_thread_count(int32_t count);
/// How many threads kernels may use.
int32_t ck_thread_count(void);
/// How many threads a parallel region really gets: 1 although more were asked for means a build without OpenMP.
int32_t ck_team_size(void);

// Instructions (instruction_set.c)

/// Instruction sets that kernels have forms for.
typedef enum __attribute__((enum_extensibility(closed))) ck_isa {
    /// The best one of the processor.
    CK_ISA_ANY CK_SWIFT_NAME("any") = 0,
    CK_ISA_PORTABLE CK_SWIFT_NAME("portable"),
    /// With FMA.
    CK_ISA_AVX2 CK_SWIFT_NAME("avx2"),
    CK_ISA_AVX512 CK_SWIFT_NAME("avx512"),
} ck_isa;

/// Overrides which instructions kernels with several forms use: convolutions, dense layers, optimizers, augmentation
/// and ck_erase. Until it is called, the environment variable NUCLEI_ISA (any, portable, avx2, avx512) decides, where
/// it is set. CK_BAD_PARAMETER when the processor lacks them; such kernels return the same when the environment asks
/// for that or for a name that is not listed here.
ck_status ck_set_isa(ck_isa isa);
/// What such kernels use: what they were told, or else the best of the processor.
ck_isa ck_used_isa(void);

// Convolution (conv2d.c)

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

// Pooling (pool2d.c)

/// Geometry of pooling without padding; windows that do not fit whole are left out.
typedef struct ck_pool2d {
    int64_t n, c, h, w;
    int64_t r, s;
    int64_t stride_h, stride_w;
} ck_pool2d;

ck_status ck_pool2d_output_size(int64_t *oh, int64_t *ow, const ck_pool2d *d);
/// y[N][C][OH][OW]: mean of each window.
ck_status ck_avg_pool2d_forward(float *y, const float *x, const ck_pool2d *d);
ck_status ck_avg_pool2d_backward(float *gx, const float *gy, const ck_pool2d *d);
/// y[N][C][OH][OW]: largest value of each window; NaN wins.
ck_status ck_max_pool2d_forward(float *y, const float *x, const ck_pool2d *d);
/// The gradient goes to the first largest value of each window, found again in x.
ck_status ck_max_pool2d_backward(float *gx, const float *gy, const float *x, const ck_pool2d *d);

// Global pooling (global_pool.c)

/// y[N][2][C] from x[N][C][plane]: the mean of each plane, then the largest value of each; NaN wins.
ck_status ck_global_pool_forward(float *y, const float *x, int64_t n, int64_t c, int64_t plane);
/// gx[N][C][plane] from gy[N][2][C]; the gradient by a largest value goes to the first such in x.
ck_status ck_global_pool_backward(float *gx, const float *gy, const float *x, int64_t n, int64_t c, int64_t plane);

// Batch normalization (batch_norm.c; Ioffe, Szegedy 2015)

/// Geometry: planes of H x W elements. relu: the output is max(y, 0) of what the formulas below call y.
typedef struct ck_batch_norm {
    int64_t n, c, plane;
    float epsilon;
    bool relu;
} ck_batch_norm;

/// y[N][C][plane] = (x - mean[c]) * inverse_deviation[c] * weight[c] + bias[c], as torch.nn.BatchNorm2d in training:
/// mean[C] and inverse_deviation[C] = 1 / sqrt(variance + epsilon) are the batch's, kept for backward; running_mean[C]
/// and running_variance[C] move by the share momentum towards the batch's mean and unbiased variance. y may be x.
/// Takes two values or more for each channel.
ck_status ck_batch_norm_forward_training(float *y, float *mean, float *inverse_deviation, float *running_mean,
                                         float *running_variance, const float *x, const float *weight,
                                         const float *bias, float momentum, const ck_batch_norm *d);
/// The same with the running mean and variance in place of the batch's. y may be x.
ck_status ck_batch_norm_forward_inference(float *y, const float *x, const float *weight, const float *bias,
                                          const float *running_mean, const float *running_variance,
                                          const ck_batch_norm *d);
/// gx[N][C][plane] (may be null, may be gy), gweight[C] and gbias[C] of the training form, from gy, x and what forward
/// kept. With relu the outputs that were cut off are found again from x.
ck_status ck_batch_norm_backward(float *gx, float *gweight, float *gbias, const float *gy, const float *x,
                                 const float *weight, const float *bias, const float *mean,
                                 const float *inverse_deviation, const ck_batch_norm *d);

// Dense layer (linear.c)

/// Floats of scratch for ck_linear_forward.
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

// Windows of a shared feature map (feature_windows.c)

/// Position of a window in the feature map, and the indices of its borders in their strips.
typedef struct ck_feature_place {
    int64_t y, x;
    int64_t row, column, corner;
} ck_feature_place;

/// Overlapping windows of C x H x W features in one feature map. Windows share their inner part. The first and last
/// rows and columns of a window, its border, depend on the padding of convolutions and belong to the window alone. In
/// each pair or group of four below, leading borders come first, then trailing ones. A border without rows or columns
/// may be null.
typedef struct ck_feature_windows {
    int64_t n, c, h, w;
    /// The map may hold some channels only: first_channel ... first_channel + c - 1 of `channels`. Borders always hold
    /// all channels.
    int64_t first_channel, channels;
    /// Number of border rows and columns.
    int64_t border_rows[2], border_columns[2];
    /// [C][map_h][map_w]
    const float *map;
    int64_t map_h, map_w;
    /// [row strips][channels][border rows][map_w]: border rows, one strip for each row of windows.
    const float *rows[2];
    /// [channels][map_h][column strips][border columns]: border columns, one strip for each column of windows.
    const float *columns[2];
    /// [channels][border rows][corner strips][border columns]: upper left, upper right, lower left, lower right.
    const float *corners[4];
    int64_t column_strips, corner_strips;
    const ck_feature_place *places;
} ck_feature_windows;

/// Parts of windows: in rows first_row ... first_row + rows - 1, `runs` groups of `length` columns. Groups start `step`
/// columns apart, the first at first_column. Elements outside the window are zeros.
typedef struct ck_patches {
    int64_t first_row, rows;
    int64_t first_column, runs, step, length;
} ck_patches;

/// y[N][C][rows][runs][length] or, side by side, y[C][rows][N][runs][length].
ck_status ck_gather_patches(float *y, const ck_feature_windows *f, const ck_patches *p, bool side_by_side);
/// Floats of scratch for ck_linear_windows_forward; 0 when the windows are invalid.
size_t ck_linear_windows_scratch(const ck_feature_windows *f, int64_t o);
/// y[N][O] = windows * w[O][channels * H * W] transposed + b[O]: ck_linear_forward of the gathered windows, except for
/// rounding. The result for a window does not depend on the other windows.
///
/// w covers all channels. y is overwritten when first_channel is 0 and accumulated into otherwise.
ck_status ck_linear_windows_forward(float *y, const ck_feature_windows *f, const float *w, const float *b, int64_t o,
                                    float *scratch, size_t scratch_count);

// Elementwise (activation.c, add.c, dropout.c, random.c)

/// y = max(x, 0); NaN stays NaN. y may be x.
ck_status ck_relu_forward(float *y, const float *x, int64_t count);
/// gx = 0 where y <= 0, else gy: a NaN lets the gradient through, as in PyTorch. gx may be gy.
ck_status ck_relu_backward(float *gx, const float *gy, const float *y, int64_t count);
/// y = a + b, or max(a + b, 0) with relu, whose gradient is that of ck_relu_backward. y may be a or b.
ck_status ck_add(float *y, const float *a, const float *b, int64_t count, bool relu);
/// Inverted dropout: y[i] = x[i] / (1 - p) with probability 1 - p, else 0. Whether element i is kept is a function of
/// (seed, i) alone, so the same call with gradients in place of values is the backward pass. 0 <= p < 1. y may be x.
ck_status ck_dropout(float *y, const float *x, int64_t count, float p, uint64_t seed);
/// Element i of a stream of independent 64-bit numbers: splitmix64 (Steele, Lea, Flood 2014) at counter i + 1.
static inline uint64_t ck_random_bits(uint64_t seed, uint64_t i) {
    uint64_t z = (i + 1) * 0x9E3779B97F4A7C15u + seed;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9u;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBu;
    return z ^ (z >> 31);
}
/// y[i] uniform in [low, high), low < high, 24 random bits each, from stream (seed, i).
ck_status ck_random_uniform(float *y, int64_t count, float low, float high, uint64_t seed);

// Loss (loss.c)

/// p[N][classes] = softmax of each row of logits. p may be logits.
ck_status ck_softmax(float *p, const float *logits, int64_t n, int64_t classes);

/// How the losses of a batch become one number.
typedef enum __attribute__((enum_extensibility(closed))) ck_reduction {
    /// Sum divided by the summed class weights of the targets (PyTorch's "mean").
    CK_REDUCTION_MEAN CK_SWIFT_NAME("mean") = 0,
    CK_REDUCTION_SUM CK_SWIFT_NAME("sum"),
} ck_reduction;

/// Softmax cross-entropy with label smoothing and class weights, as torch.nn.functional.cross_entropy:
///   losses[n] = (1 - smoothing) * weight[t] * -log p[t]  +  smoothing / classes * sum over c of weight[c] * -log p[c]
/// loss: one number, reduced. losses[N] (may be null): unreduced. class_weights[classes] may be null (all 1).
/// A negative target is ignored: it has no loss and no gradient. A mean over nothing is NaN, as in PyTorch.
ck_status ck_cross_entropy_forward(double *loss, float *losses, const float *logits, const int32_t *targets,
                                   const float *class_weights, float smoothing, ck_reduction reduction, int64_t n,
                                   int64_t classes);
/// glogits[N][classes]: gradient of the reduced loss.
ck_status ck_cross_entropy_backward(float *glogits, const float *logits, const int32_t *targets,
                                    const float *class_weights, float smoothing, ck_reduction reduction, int64_t n,
                                    int64_t classes);

// Optimizers (optimizer.c). Each is one pass over flat parameters. The gradient used is g * gradient_scale (the
// factor that clips) plus, where decay is not decoupled, weight_decay * parameter.

typedef struct ck_sgd {
    float learning_rate, momentum, dampening, weight_decay;
    bool nesterov;
} ck_sgd;

/// As torch.optim.SGD. velocity may be null when momentum is 0, and is set by step 1; step counts from 1.
ck_status ck_sgd_step(float *parameters, float *velocity, const float *gradients, int64_t count, float gradient_scale,
                      int64_t step, const ck_sgd *settings);

/// The same for the weights w[O][I] of a dense layer, whose gradient, that of ck_linear_backward_weight, is made from
/// gy[N][O] and x[N][I] as it is used, and stored nowhere.
ck_status ck_sgd_step_product(float *w, float *velocity, const float *gy, const float *x, int64_t n, int64_t i,
                              int64_t o, float gradient_scale, int64_t step, const ck_sgd *settings);

typedef struct ck_adam {
    float learning_rate, beta1, beta2, epsilon, weight_decay;
    /// true: weights decay apart from the gradient (AdamW); false: decay is part of the gradient (Adam with L2).
    bool decoupled_decay;
} ck_adam;

/// As torch.optim.Adam and AdamW (Kingma, Ba 2015; Loshchilov, Hutter 2019). first_moment and second_moment start at
/// 0; step counts from 1.
ck_status ck_adam_step(float *parameters, float *first_moment, float *second_moment, const float *gradients,
                       int64_t count, float gradient_scale, int64_t step, const ck_adam *settings);

/// The same for weights of a dense layer, as ck_sgd_step_product.
ck_status ck_adam_step_product(float *w, float *first_moment, float *second_moment, const float *gy, const float *x,
                               int64_t n, int64_t i, int64_t o, float gradient_scale, int64_t step,
                               const ck_adam *settings);

/// Doubles of scratch for ck_squared_norm.
size_t ck_squared_norm_scratch(int64_t count);
/// norm2: sum of x[i]^2, in double.
ck_status ck_squared_norm(double *norm2, const float *x, int64_t count, double *scratch, size_t scratch_count);

// Images (image_normalize.c)

/// Where N interleaved 8-bit RGB windows of H x W pixels lie: window n starts offsets[n] bytes after base, and its
/// rows are row_stride bytes apart, at least 3 W.
typedef struct ck_windows {
    int64_t n, h, w;
    int64_t row_stride;
} ck_windows;

/// planes[N][3][H][W] = (byte / 255 - mean[c] / 255) / (deviation[c] / 255); mean and deviation on the 0-255 scale.
ck_status ck_normalize_windows(float *planes, const uint8_t *base, const int64_t *offsets, const float mean[3],
                               const float deviation[3], const ck_windows *d);
/// counts[3][256]: how often each byte value occurs in each channel, over all windows. Scratch: none.
ck_status ck_channel_histograms(uint64_t *counts, const uint8_t *base, const int64_t *offsets, const ck_windows *d);

// Augmentation (image_augment*.c, image_erase.c)

/// What happens to one tile, in the order of the fields; every number is already drawn. A step whose numbers change
/// nothing is left out, and a tile with no step at all comes out as it went in. The geometry's result is rounded to
/// bytes; from there on gray levels are floats, held between 0 and 255 after each step but the blur, and rounded at
/// the end. AVX2 and AVX-512 give the same bytes; without FMA numbers round differently.
typedef struct ck_augmentation {
    /// Where the output comes from: pixel (x, y) shows the source at (inverse[0] x + inverse[1] y + inverse[2],
    /// inverse[3] x + inverse[4] y + inverse[5]), whole numbers being centers of pixels; bilinear, one resampling.
    /// Flips, quarter turns and shifts by whole pixels are permutations. The entries 2 and 5 are at most 2^20 in
    /// magnitude, the others 1024.
    float inverse[6];
    /// Beyond its edges the source is white; else mirrored, without repeating the outermost pixels.
    bool white_border;
    /// Amounts of hematoxylin, eosin and what neither explains are multiplied and shifted, the shifts in units of
    /// optical density (0.3 halves the light), with the vectors of Ruifrok & Johnston 2001, at length 1, and their
    /// cross product. The light of a gray level is (level + 1) / 256. Scales are 0 to 16, shifts at most 4 in
    /// magnitude.
    float stain_scale[3], stain_shift[3];
    /// Factors of the light for red, green and blue, 1/64 to 64.
    float illumination[3];
    /// As torchvision's adjust_brightness, _contrast, _saturation (factors, 0 to 16) and _hue (-0.5 to 0.5).
    float brightness, contrast, saturation, hue;
    /// In which order these four are done: a permutation of 0 brightness, 1 contrast, 2 saturation, 3 hue.
    uint8_t color_order[4];
    /// Standard deviation of a Gaussian blur in pixels, 0 to 32; cut at three deviations, rounded up to whole
    /// pixels; borders mirrored.
    float blur_sigma;
    /// Standard deviation of Gaussian noise in gray levels, 0 to 255; element i of [3][H][W] is number i of the stream.
    float noise_sigma;
    uint64_t noise_seed;
    /// 1 to 100: what JPEG compression without chroma subsampling at this quality leaves; 0: none.
    /// The quantization tables are the standard's, scaled as libjpeg does; blocks that stick out repeat the edge.
    int32_t jpeg_quality;
} ck_augmentation;

/// Floats of scratch for ck_augment_windows; 0 when an argument is invalid.
size_t ck_augment_scratch(const ck_windows *d, int32_t threads);
/// pixels[N][H][W][3]: the windows with augmentations[N] done to them. At most 2^15 pixels a side. Uses `threads`
/// threads, 1 ... 256, whatever ck_set_thread_count said, so that a second thread may call it while others compute.
ck_status ck_augment_windows(uint8_t *pixels, const uint8_t *base, const int64_t *offsets,
                             const ck_augmentation *augmentations, const ck_windows *d, int32_t threads, float *scratch,
                             size_t scratch_count);

/// A rectangle of one tile that is overwritten; nothing is when it is empty.
typedef struct ck_erasure {
    int64_t x, y, width, height;
    /// true: independent numbers of N(0, 1), element i of [3][H][W] being number i of the stream; false: zeros.
    bool noise;
    uint64_t seed;
} ck_erasure;

/// Overwrites the rectangle erasures[n] in each channel of planes[N][3][H][W]. When one leaves its tile, nothing is
/// written: CK_BAD_PARAMETER.
ck_status ck_erase(float *planes, const ck_erasure *erasures, int64_t n, int64_t h, int64_t w);

#ifdef __cplusplus
}
#endif

#endif
