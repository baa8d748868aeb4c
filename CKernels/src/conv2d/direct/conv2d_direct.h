/// Direct convolution; not part of the contract.
#ifndef CONV2D_DIRECT_H
#define CONV2D_DIRECT_H

#include "conv2d/conv2d_geometry.h"

bool ck_direct_supports(const ck_geometry *g, ck_conv2d_pass pass);
/// Estimated instructions for an image. The shape must be supported.
int64_t ck_direct_work(const ck_geometry *g, ck_conv2d_pass pass);
/// Estimated share of vector elements that hold a result, 0 ... 1. The shape must be supported.
double ck_direct_utilization(const ck_geometry *g, ck_conv2d_pass pass);
size_t ck_direct_scratch(const ck_geometry *g, const ck_conv2d_epilogue *epilogue, ck_conv2d_pass pass);
void ck_direct_forward(float *y, const float *x, const float *w, const float *b, const ck_geometry *g,
                       const ck_conv2d_epilogue *epilogue, float *scratch);
void ck_direct_backward_data(float *gx, const float *gy, const float *w, const ck_geometry *g,
                             const ck_conv2d_epilogue *epilogue, float *scratch);
void ck_direct_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                               const ck_conv2d_epilogue *epilogue, float *scratch);

#endif
