/// Kernels in 16-bit fixed point, for inference.
///
/// An integer q of an image stands for q times the scale of the image, and is at most CK_FIXED_LARGEST in magnitude.
/// Images hold pairs of channels, [N][ceil(C / 2)][H][W][2], aligned to 4 bytes; an odd last channel is followed by
/// zeros. Products are summed in 32 bits without rounding or overflow, so results of convolutions are the same bit for
/// bit with every instruction set and any number of threads.
#ifndef CK_FIXED_H
#define CK_FIXED_H

#include "ck_feature_windows.h"
#include "ck_images.h"

#ifdef __cplusplus
extern "C" {
#endif

/// The largest magnitude. Four times as much, which Winograd's transform of pixels may need, fits in 16 bits.
enum { CK_FIXED_LARGEST = 8191 };

/// True where the processor multiplies integers of 16 bits faster than floats (x86 with AVX2 or AVX-512, most of all
/// with VNNI) and the selected instruction set may use that. Elsewhere these kernels work, but are no faster than those
/// for floats.
bool ck_fixed_is_fast(void);

/// Whether these kernels may use VNNI, at first true. Results are the same without it. For tests and measurements.
void ck_fixed_set_vnni(bool may_use);

/// Geometry of a convolution with square kernels.
/// OH = (H + 2 * pad - kernel) / stride + 1, rounded down; OW likewise, with column_stride.
typedef struct ck_fixed_conv2d {
    int64_t n, c, h, w, k;
    /// 1, 3, 5, 7 or 9.
    int64_t kernel;
    int64_t stride, column_stride;
    /// Zeros around the image, fewer than the kernel has rows.
    int64_t pad;
    bool relu;
    /// Whether each block of 2 x 2 outputs is reduced to its maximum. Outputs must be integers, without a
    /// residual.
    bool max_pooling;
    /// Value of 1 in x.
    float input_scale;
    /// Value of 1 in y; 0 if y holds floats.
    float output_scale;
    /// Value of 1 in the residual; 0 if there is none.
    float residual_scale;
} ck_fixed_conv2d;

/// Whether Winograd's transforms compute the convolution, with fewer multiplications. N, H and W do not matter.
bool ck_fixed_conv2d_is_transformed(const ck_fixed_conv2d *d);
/// Bytes of packed weights; 0 when the geometry is invalid. N, H, W, padding and column_stride do not matter.
size_t ck_fixed_conv2d_packed_bytes(const ck_fixed_conv2d *d);
/// Rounds the weights w[K][C][kernel][kernel] of each filter to multiples of a step with which no sum can overflow,
/// and packs them with the biases b[K], which may be null. N, H, W, padding and column_stride do not matter: parts of
/// an image have the same bits as the whole. CK_BAD_PARAMETER when weights or scales are not finite.
ck_status ck_fixed_conv2d_pack(void *packed, const float *w, const float *b, const ck_fixed_conv2d *d);
/// Bytes of scratch for ck_fixed_conv2d_forward; 0 when the geometry is invalid.
size_t ck_fixed_conv2d_scratch(const ck_fixed_conv2d *d);
/// y = pool(max(convolution(x) + b + residual, 0)), or without max if relu is false: floats, or integers that are
/// rounded and limited to CK_FIXED_LARGEST. Pooling halves OH and OW, rounded down.
/// y: int16_t [N][ceil(K / 2)][OH][OW][2] or float [N][K][OH][OW]
/// residual: int16_t [N][ceil(K / 2)][OH][OW][2], or null if its scale is 0; must not overlap y.
/// packed: from ck_fixed_conv2d_pack with the same C, K, kernel, stride, relu and scales.
ck_status ck_fixed_conv2d_forward(void *y, const int16_t *x, const int16_t *residual, const void *packed,
                                  const ck_fixed_conv2d *d, void *scratch, size_t scratch_bytes);

/// y[N][2][H][W][2] = (byte - mean[c]) / deviation[c] / scale of windows of pixels, rounded and limited.
/// mean, deviation: in gray levels, 0 to 255.
ck_status ck_fixed_normalize_windows(int16_t *y, const uint8_t *base, const int64_t *offsets, const float mean[3],
                                     const float deviation[3], float scale, const ck_windows *d);
/// y[planes][H][W][2] = skip + x[planes][ceil(H / 2)][ceil(W / 2)][2], limited, where each element of x is repeated
/// 2 x 2 times and cut at the end. `planes` counts pairs of channels. y may be skip.
ck_status ck_fixed_upsample_add(int16_t *y, const int16_t *skip, const int16_t *x, int64_t planes, int64_t h,
                                int64_t w);

/// A dense layer of features [C][plane] in memory order. Its inputs and outputs are floats. Inputs are rounded to
/// integers when they are read, and limited to CK_FIXED_LARGEST; NaN becomes the least integer.
typedef struct ck_fixed_linear {
    int64_t c, plane, o;
    /// Value of 1 in the rounded input.
    float input_scale;
} ck_fixed_linear;

/// Bytes of packed weights; 0 when the dimensions are invalid.
size_t ck_fixed_linear_packed_bytes(const ck_fixed_linear *d);
/// Rounds weights w[O][C * plane] to multiples of a step of each output, and packs them. CK_BAD_PARAMETER when weights
/// or the scale are not finite.
ck_status ck_fixed_linear_pack(void *packed, const float *w, const ck_fixed_linear *d);
/// Bytes of scratch for ck_fixed_linear_forward; 0 when the dimensions are invalid.
size_t ck_fixed_linear_scratch(int64_t n, const ck_fixed_linear *d);
/// y[N][O] = b[o] + the products of x[N][C * plane] and packed weights; b may be null. Exact sums of some products are
/// added as floats, in an order that depends on the instruction set.
ck_status ck_fixed_linear_forward(float *y, const float *x, const void *packed, const float *b, int64_t n,
                                  const ck_fixed_linear *d, void *scratch, size_t scratch_bytes);
/// Bytes of scratch for ck_fixed_linear_windows_forward; 0 when the windows or dimensions are invalid.
size_t ck_fixed_linear_windows_scratch(const ck_feature_windows *f, const ck_fixed_linear *d);
/// ck_linear_windows_forward with packed weights of all channels, where plane is H * W. first_channel is even, and so
/// is the number of channels of the map, unless the last one is among them.
ck_status ck_fixed_linear_windows_forward(float *y, const ck_feature_windows *f, const void *packed, const float *b,
                                          const ck_fixed_linear *d, void *scratch, size_t scratch_bytes);

#ifdef __cplusplus
}
#endif

#endif
