/// The transform variant of convolution (conv2d_winograd.c); not part of the contract.
#ifndef CK_WINOGRAD_H
#define CK_WINOGRAD_H

#include "conv2d/ck_conv2d.h"

/// F(4x4, 5x5) and F(4x4, 3x3): 8x8 or 6x6 pixels and the taps become 64 or 36 products, and those 4x4 outputs.
enum { CK_TILE = 4 };

/// A correlation of planes with 5x5 or 3x3 kernels, in strips of rows of tiles:
/// out[k][i][j] = b[k] + sum over c, r, s of w[k][c][r][s] * in[c][top + i + r][left + j + s]
typedef struct ck_winograd_plan {
    /// Planes read and written.
    int64_t c, k, oh, ow;
    /// Negative inside the padding.
    int64_t top, left;
    /// Rows of tiles in a vector: 1, or 2 or 4 where they are short; such rows in an image.
    int64_t fold, tile_rows;
    /// A strip: rows of vectors, vectors side by side, blocks of vectors. Strips of an image, of which as many lie side
    /// by side.
    int64_t rows, vectors, blocks, strips, across;
    /// Channels that are transformed, and filters that are computed at a time: whole blocks, or all.
    int64_t channels, filters;
    /// Floats from point to point of a block of transformed tiles, and of products.
    int64_t tile_point, product_point;
    /// From one row of vectors to the next, copied rows.
    int64_t line_step;
    /// Columns of a copied row with its borders, the places of a thread's buffers behind the transformed tiles, of
    /// which `row` is for a row of a gradient on its way through an epilogue, and all their floats.
    int64_t line, products, half, lines, outputs, row, floats;
    /// When weight gradients are summed: floats of a block of sums, and all of a group's, at the points and of the
    /// taps; sums of biases follow those.
    int64_t sum_block, sum_floats, tap_floats;
} ck_winograd_plan;

/// Leaf functions for one instruction set and one block of registers: k filters by p vectors of tiles.
typedef struct ck_winograd_variant {
    ck_isa isa;
    int32_t lanes, kernel, k, p;
    /// panels[points][C][variant->k]: one block of filters, transformed; zeros for filters that do not exist. `w` has
    /// the tap of filter k and channel c at k * of_k + c * of_c, and taps lie `step`, 1 or -1, apart.
    void (*transform_filters)(float *panels, const float *w, int64_t filters, int64_t channels, int64_t of_k,
                              int64_t of_c, int64_t step);
    /// Outputs of one strip of an image x, all filters; strips go from left to right, then down.
    void (*correlate)(const ck_winograd_plan *plan, const ck_outputs *y, const ck_planes *x, const float *panels,
                      const float *b, int64_t strip, float *buffers);
    /// The block of registers of weight gradients: channels, and vectors of filters.
    int32_t sum_c, sum_v;
    /// Adds products of gy and x over one strip to sums[blocks of filters][points][C in whole blocks][sum_v] vectors
    /// and the sums of gy behind them.
    void (*sum_products)(const ck_winograd_plan *plan, float *sums, const ck_planes *gy, const ck_planes *x,
                         int64_t strip, float *buffers);
    /// taps[blocks of filters][C][taps][sum_v] vectors from sums, and the sums of gy behind them.
    void (*transform_sums)(const ck_winograd_plan *plan, float *taps, const float *sums);
} ck_winograd_variant;

/// The variants of each instruction set, none where they were not compiled; the last entry has no functions.
extern const ck_winograd_variant ck_winograd_portable[], ck_winograd_avx2[], ck_winograd_avx512[];

/// Whether the transform variant can do this at all.
bool ck_winograd_serves(const ck_geometry *g, ck_conv2d_pass pass);
/// Vectors of tiles in an image.
int64_t ck_winograd_vectors(const ck_geometry *g, ck_conv2d_pass pass, const ck_winograd_variant *variant);
size_t ck_winograd_scratch(const ck_geometry *g, ck_conv2d_pass pass, const ck_winograd_variant *variant);
void ck_winograd_forward(float *y, const float *x, const float *w, const float *b, const ck_geometry *g,
                         const ck_conv2d_epilogue *epilogue, const ck_winograd_variant *variant, float *scratch);
void ck_winograd_backward_data(float *gx, const float *gy, const float *w, const ck_geometry *g,
                               const ck_conv2d_epilogue *epilogue, const ck_winograd_variant *variant, float *scratch);
void ck_winograd_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                                 const ck_conv2d_epilogue *epilogue, const ck_winograd_variant *variant,
                                 float *scratch);

/// The transform variant for a pass, null for another one (conv2d_choice.c).
const ck_winograd_variant *ck_winograd_choose(const ck_geometry *g, ck_conv2d_pass pass);

#endif
