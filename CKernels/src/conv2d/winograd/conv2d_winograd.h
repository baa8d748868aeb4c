/// Convolution with Winograd's transforms; not part of the contract.
#ifndef CONV2D_WINOGRAD_H
#define CONV2D_WINOGRAD_H

#include "conv2d/conv2d_geometry.h"

bool ck_winograd_supports(const ck_geometry *g, ck_conv2d_pass pass);
/// Estimated instructions for an image, comparable to ck_direct_work. The shape must be supported.
int64_t ck_winograd_work(const ck_geometry *g, ck_conv2d_pass pass);
size_t ck_winograd_scratch(const ck_geometry *g, const ck_conv2d_epilogue *epilogue, ck_conv2d_pass pass);
void ck_winograd_forward(float *y, const float *x, const float *w, const float *b, const ck_geometry *g,
                         const ck_conv2d_epilogue *epilogue, float *scratch);
void ck_winograd_backward_data(float *gx, const float *gy, const float *w, const ck_geometry *g,
                               const ck_conv2d_epilogue *epilogue, float *scratch);
void ck_winograd_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                                 const ck_conv2d_epilogue *epilogue, float *scratch);

#endif
