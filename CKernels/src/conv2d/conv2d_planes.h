/// Views of the tensors that a convolution reads and writes, one image at a time; not part of the contract.
#ifndef CONV2D_PLANES_H
#define CONV2D_PLANES_H

#include "conv2d/conv2d_geometry.h"

/// One image to read: planes[h][w]. For a gradient, rows are propagated back through the epilogue when they are read
/// (expand_row in conv2d_epilogue.h).
typedef struct ck_planes {
    const float *values;
    /// One past the last float of the tensor.
    const float *end;
    /// Rows and columns before pooling.
    int64_t h, w;
    bool is_pooled;
    /// With ReLU and pooling, else null.
    const uint8_t *relu_mask;
    /// Output of forward, with ReLU and without pooling, else null.
    const float *y;
} ck_planes;

/// One image that forward writes, and the epilogue to apply.
typedef struct ck_outputs {
    float *values;
    /// Rows and columns before pooling.
    int64_t oh, ow;
    bool relu;
    ck_pooling pooling;
    const float *residual;
    uint8_t *relu_mask;
} ck_outputs;

/// Bytes of a ReLU mask for one row.
static inline int64_t ck_mask_row_bytes(int64_t width) {
    return 2 * ck_ceil_div(width, 16);
}

/// Image n of x.
ck_planes ck_input_planes(const float *x, int64_t n, const ck_geometry *g);
/// Image n of y.
ck_outputs ck_output_planes(float *y, int64_t n, const ck_geometry *g, const ck_conv2d_epilogue *epilogue);
/// Image n of gy.
ck_planes ck_gradient_planes(const float *gy, int64_t n, const ck_geometry *g, const ck_conv2d_epilogue *epilogue);

#endif
