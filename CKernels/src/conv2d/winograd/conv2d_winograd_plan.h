/// Plans of convolution with Winograd's transforms: how it is cut into pieces, and where they are in scratch memory.
#ifndef CONV2D_WINOGRAD_PLAN_H
#define CONV2D_WINOGRAD_PLAN_H

#include "conv2d/conv2d_planes.h"

/// Outputs of a tile across. F(4x4, 5x5) and F(4x4, 3x3) transform 8x8 or 6x6 pixels and the taps to 64 or 36 points.
/// The products at the points are transformed to 4x4 outputs.
enum { CK_TILE = 4 };

/// A correlation of planes with 5x5 or 3x3 kernels:
/// out[k][i][j] = b[k] + sum over c, r, s of w[k][c][r][s] * in[c][top + i + r][left + j + s]
typedef struct ck_winograd_geometry {
    /// Planes to read and to write, and rows and columns to write.
    int64_t c, k, oh, ow;
    /// Negative inside the padding.
    int64_t top, left;
} ck_winograd_geometry;

/// How an image is cut into vectors of tiles, and these into strips.
typedef struct ck_winograd_tiling {
    /// Rows of tiles in a vector: 1, or 2 or 4 for short rows. Rows of vectors in an image.
    int64_t fold, tile_rows;
    /// A strip: rows of vectors, vectors side by side, blocks of vectors.
    int64_t rows, vectors, blocks;
    /// Strips of an image, and strips side by side.
    int64_t strips, across;
    /// Channels that are transformed, and filters that are computed at a time: whole blocks, or all.
    int64_t channels, filters;
} ck_winograd_tiling;

/// Distances in buffers.
typedef struct ck_winograd_strides {
    /// Floats from point to point of a block of transformed tiles, and of products.
    int64_t tile_point, product_point;
    /// Floats of a copied row with its borders.
    int64_t line;
    /// Copied rows from one row of vectors to the next.
    int64_t line_step;
} ck_winograd_strides;

/// Offsets of the buffers of a thread, which begin with the transformed tiles, and the floats of all. `row` holds a row
/// of a gradient that is propagated through the epilogue.
typedef struct ck_winograd_buffers {
    int64_t products, half, lines, outputs, row, total;
} ck_winograd_buffers;

/// Weight gradients: floats of a block of sums, and of all sums of a group at the points and of the taps. Sums of
/// biases follow both.
typedef struct ck_winograd_sums {
    int64_t block, floats, tap_floats;
} ck_winograd_sums;

typedef struct ck_winograd_plan {
    ck_winograd_geometry geometry;
    ck_winograd_tiling tiling;
    ck_winograd_strides strides;
    ck_winograd_buffers buffers;
    ck_winograd_sums sums;
} ck_winograd_plan;

/// Inner loops for one instruction set, one size of kernels and one register block: k filters by p vectors of tiles.
typedef struct ck_winograd_variant {
    ck_isa isa;
    int32_t lanes, kernel, k, p;
    /// The register block of weight gradients: channels, and vectors of filters.
    int32_t sum_c, sum_v;
    /// panels[points][C][variant->k]: one block of filters, transformed and padded with zeros. The taps of filter k and
    /// channel c start at w[k * of_k + c * of_c] and are `step` floats apart, 1 or -1.
    void (*transform_filters)(float *panels, const float *w, int64_t filters, int64_t channels, int64_t of_k,
                              int64_t of_c, int64_t step);
    /// Outputs of one strip of an image x, for all filters. Strips are numbered from left to right, then down.
    void (*correlate)(const ck_winograd_plan *plan, const ck_outputs *y, const ck_planes *x, const float *panels,
                      const float *b, int64_t strip, float *buffers);
    /// Adds the products of gy and x over one strip to sums[blocks of filters][points][C in whole blocks][sum_v]
    /// vectors, followed by the sums of gy.
    void (*sum_products)(const ck_winograd_plan *plan, float *sums, const ck_planes *gy, const ck_planes *x,
                         int64_t strip, float *buffers);
    /// taps[blocks of filters][C][taps][sum_v] vectors from sums, followed by the sums of gy.
    void (*transform_sums)(const ck_winograd_plan *plan, float *taps, const float *sums);
} ck_winograd_variant;

/// The variants of each instruction set, terminated by null; empty on other processors.
extern const ck_winograd_variant *const ck_winograd_portable[], *const ck_winograd_avx2[], *const ck_winograd_avx512[];

/// The fastest variant for a pass of a supported shape.
const ck_winograd_variant *ck_winograd_variant_for(const ck_geometry *g, ck_conv2d_pass pass);

void ck_winograd_plan_forward(ck_winograd_plan *p, const ck_geometry *g, const ck_winograd_variant *variant);
void ck_winograd_plan_backward_data(ck_winograd_plan *p, const ck_geometry *g, const ck_winograd_variant *variant);
void ck_winograd_plan_backward_weight(ck_winograd_plan *p, const ck_geometry *g, const ck_winograd_variant *variant);

/// Points of a tile.
static inline int64_t ck_winograd_points(const ck_winograd_variant *variant) {
    int64_t span = variant->kernel + CK_TILE - 1;
    return span * span;
}

#endif
