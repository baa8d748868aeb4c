/// The table of convolution algorithms and the choice among them; not part of the contract.
#ifndef CONV2D_CHOICE_H
#define CONV2D_CHOICE_H

#include "conv2d/conv2d_geometry.h"

/// An algorithm for convolution. The functions take arguments as in the contract, with dimensions and scratch checked
/// and an epilogue that is never null.
typedef struct ck_conv2d_implementation {
    ck_conv2d_algorithm algorithm;
    /// Name in NUCLEI_CONV.
    const char *name;
    /// Whether the algorithm can compute this pass for this shape with the current instruction set.
    bool (*supports)(const ck_geometry *g, ck_conv2d_pass pass);
    /// Whether the algorithm is estimated to be faster than those before it in the table.
    bool (*is_faster)(const ck_geometry *g, ck_conv2d_pass pass);
    /// Floats of scratch.
    size_t (*scratch)(const ck_geometry *g, const ck_conv2d_epilogue *epilogue, ck_conv2d_pass pass);
    void (*forward)(float *y, const float *x, const float *w, const float *b, const ck_geometry *g,
                    const ck_conv2d_epilogue *epilogue, float *scratch);
    void (*backward_data)(float *gx, const float *gy, const float *w, const ck_geometry *g,
                          const ck_conv2d_epilogue *epilogue, float *scratch);
    void (*backward_weight)(float *gw, float *gb, const float *gy, const float *x, const ck_geometry *g,
                            const ck_conv2d_epilogue *epilogue, float *scratch);
} ck_conv2d_implementation;

/// The algorithm for a pass: the selected one if it supports the shape, else the fastest.
const ck_conv2d_implementation *ck_conv2d_choose(const ck_geometry *g, ck_conv2d_pass pass);
/// CK_BAD_PARAMETER when the environment names an unknown algorithm or instructions that are not available.
ck_status ck_conv2d_selection_status(void);

#endif
