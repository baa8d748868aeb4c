/// Plans of direct convolution: how it is cut into pieces, and where they are in scratch memory.
#ifndef CONV2D_DIRECT_PLAN_H
#define CONV2D_DIRECT_PLAN_H

#include "conv2d/conv2d_planes.h"

/// Most taps of a kernel, and most interleaved parts of a strided data gradient.
enum { CK_DIRECT_TAPS = 128, CK_DIRECT_PARTS = 4 };

/// A correlation of planes:
/// out[k][i][j] = b[k] + sum over c and taps t of w[k][c][t] * in[c][top + i * stride_h + r(t)][left + ... + s(t)]
typedef struct ck_direct_geometry {
    /// Planes to read, and their number to write.
    int64_t c, h, w, k;
    /// Extent of the taps, step between outputs, and position of the first tap; negative inside the padding.
    int64_t r, s, stride_h, stride_w, top, left;
    /// Rows and columns of the largest part.
    int64_t oh, ow;
} ck_direct_geometry;

/// The output: floats of a plane and of a row, rows, and the number of parts interleaved in a row.
typedef struct ck_direct_output {
    int64_t plane, row, rows, parts;
} ck_direct_output;

/// Output rows of a band, and bands of an image. With pooling, bands hold pairs of rows.
typedef struct ck_direct_tiling {
    int64_t rows, bands;
    bool is_pooled;
} ck_direct_tiling;

/// Layout of a band's input, copied with its zero borders: columns that one tap reads are contiguous, one segment for
/// each column of a stride. Rows that no tap reads are left out. `pitch`, `row` and `plane` are the floats of a
/// segment, a row and a plane.
typedef struct ck_direct_band {
    int64_t row_step, column_step, pitch, row, plane;
} ck_direct_band;

/// Floats of the buffers that follow a band: an expanded row of a gradient, then outputs before they are pooled or
/// interleaved.
typedef struct ck_direct_buffers {
    int64_t row, unfinished;
} ck_direct_buffers;

/// Outputs that use the same taps. Forward has one part. The data gradient of strides a x b has a * b parts: the pixels
/// (i * a + y, j * b + x) for each y and x, which are interleaved when a band is complete.
typedef struct ck_direct_part {
    /// Rows and columns; 0 if the image is smaller than a stride.
    int64_t oh, ow;
    /// Its taps in the list of the plan.
    int64_t first_tap, taps;
    /// Start of its packed weights, and size of a panel of them, in floats.
    int64_t panels, panel;
} ck_direct_part;

typedef struct ck_direct_plan {
    ck_direct_geometry geometry;
    ck_direct_output output;
    ck_direct_tiling tiling;
    ck_direct_band band;
    ck_direct_buffers buffers;
    int64_t parts;
    ck_direct_part part[CK_DIRECT_PARTS];
    /// Offset of tap t from tap (0, 0) in a copied band, and its index in w[k][c].
    int32_t tap_offset[CK_DIRECT_TAPS], tap_index[CK_DIRECT_TAPS];
} ck_direct_plan;

/// Inner loops for one instruction set and one register block: k filters by p vectors of pixels (or of taps).
typedef struct ck_direct_variant {
    ck_isa isa;
    int32_t lanes, k, p;
    /// Output rows first_row ... first_row + tiling.rows - 1 of one image x, for all filters.
    void (*correlate)(const ck_direct_plan *plan, const ck_outputs *y, const ck_planes *x, const float *panels,
                      int64_t first_row, float *band);
    /// Adds the products of gy and x over these rows of one image to sums. For each block of k filters, sums holds
    /// k * p sums for each block of p taps, rounded up to whole vectors, then the sums of gy.
    void (*sum_products)(const ck_direct_plan *plan, float *sums, const ck_planes *gy, const ck_planes *x,
                         int64_t first_row, float *band);
} ck_direct_variant;

/// The variants of each instruction set, terminated by null; empty on other processors.
extern const ck_direct_variant *const ck_direct_portable[], *const ck_direct_avx2[], *const ck_direct_avx512[];

/// The fastest variant for a pass of a supported shape.
const ck_direct_variant *ck_direct_variant_for(const ck_geometry *g, ck_conv2d_pass pass);

void ck_direct_plan_forward(ck_direct_plan *p, const ck_geometry *g, const ck_conv2d_epilogue *epilogue,
                            const ck_direct_variant *variant);
void ck_direct_plan_backward_data(ck_direct_plan *p, const ck_geometry *g, const ck_conv2d_epilogue *epilogue,
                                  const ck_direct_variant *variant);
void ck_direct_plan_backward_weight(ck_direct_plan *p, const ck_geometry *g, const ck_conv2d_epilogue *epilogue,
                                    const ck_direct_variant *variant);

/// Assigns the places of packed weights of all parts; returns their floats.
int64_t ck_direct_lay_out_panels(ck_direct_plan *p, const ck_direct_variant *variant);

#endif
