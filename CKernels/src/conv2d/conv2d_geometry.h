/// Dimensions of a convolution, shared by all algorithms; not part of the contract.
#ifndef CONV2D_GEOMETRY_H
#define CONV2D_GEOMETRY_H

#include "runtime/ck_scratch.h"

/// Validated dimensions of a convolution, and those derived from them.
typedef struct ck_geometry {
    int64_t n, c, h, w, k, r, s;
    int64_t stride_h, stride_w, pad_h, pad_w;
    int64_t oh, ow, crs;
} ck_geometry;

/// Whether each output reads a single pixel of each channel and no input is skipped.
static inline bool ck_is_pointwise(const ck_geometry *g) {
    return g->r == 1 && g->s == 1 && g->stride_h == 1 && g->stride_w == 1 && g->pad_h == 0 && g->pad_w == 0;
}

#endif
