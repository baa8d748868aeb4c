/// Convolution as matrix products, for every shape; not part of the contract.
#ifndef CONV2D_IM2COL_H
#define CONV2D_IM2COL_H

#include "conv2d/conv2d_geometry.h"

size_t ck_im2col_scratch(const ck_geometry *g, const ck_conv2d_epilogue *epilogue, ck_conv2d_pass pass);
void ck_im2col_forward(float *y, const float *x, const float *w, const float *b, const ck_geometry *g,
                       const ck_conv2d_epilogue *epilogue, float *scratch);
void ck_im2col_backward_data(float *gx, const float *gy, const float *w, const ck_geometry *g,
                             const ck_conv2d_epilogue *epilogue, float *scratch);
void ck_im2col_backward_weight(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                               const ck_conv2d_epilogue *epilogue, float *scratch);

#endif
