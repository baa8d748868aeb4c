/// Loops of layers in 16-bit fixed point for each instruction set (private).
#ifndef FIXED_VARIANT_H
#define FIXED_VARIANT_H

#include "ck_fixed.h"
#include "conv2d/direct/conv2d_direct_plan.h"
#include "dense/ck_dense.h"
#include "runtime/ck_scratch.h"

enum {
    /// Filters of a block of packed weights, whatever the instruction set.
    CK_FIXED_BLOCK = 12,
    /// Filters at the end that are computed together, where a whole block would be mostly padding.
    CK_FIXED_REST = 4,
    /// Filters that Winograd's transforms multiply at the same time.
    CK_FIXED_GROUP = 3,
    /// Vectors of pixels, or of tiles, that are computed at the same time.
    CK_FIXED_VECTORS = 2,
    /// Points of Winograd's F(2x2, 3x3).
    CK_FIXED_POINTS = 16,
    /// The largest magnitude of a weight of a dense layer, and the vectors whose products may then be added in 32 bits.
    CK_FIXED_DENSE_WEIGHT = 2047,
    CK_FIXED_DENSE_STEPS = 64,
};

/// Where the sums of one image go.
typedef struct ck_fixed_outputs {
    /// Pairs of integers, or else floats.
    int32_t *pairs;
    float *floats;
    /// Factor on the sums of each filter, then what is added; both in units of the output's scale.
    const float *factor, *shift;
    /// Null if there is none, and its scale in units of the output's.
    const int32_t *residual;
    float residual_factor;
    /// Rows and columns before pooling.
    int64_t k, oh, ow;
    float least;
} ck_fixed_outputs;

/// The image that Winograd's transforms read: pairs of channels, rows and columns, which are those of the output.
typedef struct ck_fixed_tiles {
    int64_t pairs, h, w;
} ck_fixed_tiles;

/// Loops for one instruction set. Pairs of integers are copied as floats.
typedef struct ck_fixed_variant {
    /// For plans of direct convolution.
    ck_direct_variant direct;
    /// Rows first ... first + plan->tiling.rows - 1 of an image.
    void (*correlate)(const ck_direct_plan *plan, const ck_fixed_outputs *y, const ck_planes *x, const int32_t *panels,
                      int64_t first, float *band);
    /// Output rows row ... row + 2 * CK_FIXED_VECTORS - 1 of an image, or twice as many if it is not wider than a
    /// vector, by Winograd's transforms. The buffers are those that ck_fixed_conv2d_scratch counts.
    void (*transform)(const ck_fixed_tiles *tiles, const ck_fixed_outputs *y, const int32_t *x, const int32_t *panels,
                      int64_t row, int32_t *buffers);
    /// Dot products of pairs of integers.
    ck_dense_dots dots;
    /// out[count]: the pairs nearest to factor times `even` and `odd`, limited. `odd` may be null, which stands for
    /// zeros. Pairs are copied as floats.
    void (*pair)(float *out, const float *even, const float *odd, int64_t count, float factor);
    /// A row of ck_fixed_upsample_add: `count` pairs.
    void (*upsample_add)(int32_t *y, const int32_t *skip, const int32_t *x, int64_t count);
} ck_fixed_variant;

/// Null on other processors.
extern const ck_fixed_variant *const ck_fixed_portable,
    *const ck_fixed_avx2, *const ck_fixed_avxvnni, *const ck_fixed_avx512, *const ck_fixed_avx512vnni;

/// The fastest of them that the selected instruction set may use.
const ck_fixed_variant *ck_fixed_variant_in_use(void);

#endif
