/// Shared by the variants of convolution; not part of the contract.
#ifndef CK_CONV2D_H
#define CK_CONV2D_H

#include "runtime/ck_internal.h"

/// A convolution's dimensions, checked, and what follows from them.
typedef struct ck_geometry {
    int64_t n, c, h, w, k, r, s;
    int64_t stride_h, stride_w, pad_h, pad_w;
    int64_t oh, ow, crs;
} ck_geometry;

static inline int64_t ck_round_up(int64_t a, int64_t b) {
    return ck_ceil_div(a, b) * b;
}

/// Bytes of one row of a ReLU mask.
static inline int64_t ck_mask_row_bytes(int64_t width) {
    return 2 * ck_ceil_div(width, 16);
}

/// One image of what is read: planes[h][w] as they are or, of a gradient, what becomes of them on the way back through
/// an epilogue.
typedef struct ck_planes {
    const float *values;
    /// The first float after the tensor.
    const float *end;
    /// Rows and columns, before pooling.
    int64_t h, w;
    bool is_pooled;
    const uint8_t *relu_mask;
    /// Of an epilogue without pooling: the output, null where there is no relu.
    const float *y;
} ck_planes;

/// One image of what forward writes, with its epilogue.
typedef struct ck_outputs {
    float *values;
    /// Rows and columns, before pooling.
    int64_t oh, ow;
    bool relu;
    ck_pooling pooling;
    const float *residual;
    uint8_t *relu_mask;
} ck_outputs;

/// Image n of x, of y and of gy.
ck_planes ck_input_planes(const float *x, int64_t n, const ck_geometry *g);
ck_outputs ck_output_planes(float *y, int64_t n, const ck_geometry *g, const ck_conv2d_epilogue *epilogue);
ck_planes ck_gradient_planes(const float *gy, int64_t n, const ck_geometry *g, const ck_conv2d_epilogue *epilogue);

// The variants: arguments as in the contract, dimensions and scratch checked. The epilogue is never null.

// The general variant (conv2d_im2col.c)

size_t ck_im2col_scratch(const ck_geometry *g, const ck_conv2d_epilogue *epilogue);
void ck_im2col_forward(float *y, const float *x, const float *w, const float *b, const ck_geometry *g,
                       const ck_conv2d_epilogue *epilogue, float *scratch);
void ck_im2col_backward_data(float *gx, const float *gy, const float *w, const ck_geometry *g,
                             const ck_conv2d_epilogue *epilogue, float *scratch);
void ck_im2col_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                               const ck_conv2d_epilogue *epilogue, float *scratch);

// The direct variant (conv2d_direct.c)

/// Taps of a kernel, and interleaved parts of a strided data gradient, that a plan has room for.
enum { CK_DIRECT_TAPS = 128, CK_DIRECT_PARTS = 4 };

/// Outputs that use the same taps. Forward there is one part. The data gradient of strides a x b has a * b of them:
/// the pixels (i * a + y, j * b + x) for each y and x, which are put together when a band is done.
typedef struct ck_direct_part {
    /// Rows and columns: none where the image is smaller than a stride.
    int64_t oh, ow;
    /// Its taps in the plan's list.
    int64_t first_tap, taps;
    /// Where its packed weights start, in floats, and the floats of a panel of them.
    int64_t panels, panel;
} ck_direct_part;

/// A correlation of planes that are read in bands of rows, copied with their zero borders:
/// out[k][i][j] = b[k] + sum over c and taps t of w[k][c][t] * in[c][top + i * stride_h + r(t)][left + ... + s(t)]
typedef struct ck_direct_plan {
    /// Planes read and written.
    int64_t c, h, w, k;
    /// Window of taps, how far it moves, and where it starts: negative inside the padding.
    int64_t r, s, stride_h, stride_w, top, left;
    /// Rows and columns of the largest part.
    int64_t oh, ow;
    /// The output: floats of a plane and of a row, rows, and how many parts a row is put together from.
    int64_t out_plane, out_row, out_rows, out_step;

    /// A band: output rows, bands of an image. Rows come in pairs where they are pooled.
    int64_t rows, bands;
    bool is_pooled;
    /// Floats behind a copied band: rows of a gradient before they are copied, then outputs that are not finished.
    int64_t row_buffer, unfinished;
    /// A copied band: columns that one tap reads lie side by side, one run for each column of a stride. Rows that no
    /// tap reads are left out.
    int64_t row_step, column_step, pitch, row, plane;

    int64_t parts;
    ck_direct_part part[CK_DIRECT_PARTS];
    /// Distance of tap t's element from that of tap (0, 0) in a copied band, and its index in w[k][c].
    int32_t tap_offset[CK_DIRECT_TAPS], tap_index[CK_DIRECT_TAPS];
} ck_direct_plan;

/// Leaf functions for one instruction set and one block of registers: k filters by p vectors of pixels (or of taps).
typedef struct ck_direct_variant {
    ck_isa isa;
    int32_t lanes, k, p;
    /// Outputs of rows first_row ... first_row + plan->rows - 1 of one image x, all filters.
    void (*correlate)(const ck_direct_plan *plan, const ck_outputs *y, const ck_planes *x, const float *panels,
                      int64_t first_row, float *band);
    /// Adds products of gy and x over these rows of one image to sums: for each block of k filters, k * p sums for each
    /// block of p taps, rounded up to whole vectors, and the sums of gy.
    void (*sum_products)(const ck_direct_plan *plan, float *sums, const ck_planes *gy, const ck_planes *x,
                         int64_t first_row, float *band);
} ck_direct_variant;

/// The variants of each instruction set, none where they were not compiled; the last entry has no functions.
extern const ck_direct_variant ck_direct_portable[], ck_direct_avx2[], ck_direct_avx512[];

/// Whether the direct kernels can do this at all.
bool ck_direct_serves(const ck_geometry *g, ck_conv2d_pass pass);
size_t ck_direct_scratch(const ck_geometry *g, const ck_conv2d_epilogue *epilogue, ck_conv2d_pass pass,
                         const ck_direct_variant *variant);
void ck_direct_forward(float *y, const float *x, const float *w, const float *b, const ck_geometry *g,
                       const ck_conv2d_epilogue *epilogue, const ck_direct_variant *variant, float *scratch);
void ck_direct_backward_data(float *gx, const float *gy, const float *w, const ck_geometry *g,
                             const ck_conv2d_epilogue *epilogue, const ck_direct_variant *variant, float *scratch);
void ck_direct_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                               const ck_conv2d_epilogue *epilogue, const ck_direct_variant *variant, float *scratch);

// Which variant serves which shape (conv2d_choice.c)

/// The direct variant for a pass, null for im2col.
const ck_direct_variant *ck_conv2d_choose(const ck_geometry *g, ck_conv2d_pass pass);
/// CK_BAD_PARAMETER when the environment asks for something that is not there.
ck_status ck_conv2d_choice_status(void);

#endif
