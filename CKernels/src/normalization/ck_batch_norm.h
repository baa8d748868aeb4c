/// Shared by batch normalization and its forms for each instruction set; not part of the contract.
#ifndef CK_BATCH_NORM_H
#define CK_BATCH_NORM_H

#include "runtime/ck_internal.h"

/// Doubles that sums run in side by side: the order of additions is the same however they are vectorized.
enum { CK_SUMS = 8 };

/// What a channel's loops need to know.
typedef struct ck_channel {
    float mean, factor, bias;
    bool relu;
} ck_channel;

/// Leaf functions over a plane for one instruction set. Sums are added to.
typedef struct ck_norm_form {
    /// y = (x - mean) * factor + bias, or its positive part. y may be x.
    void (*normalize)(float *y, const float *x, int64_t count, ck_channel of);
    /// Of x and x^2.
    void (*add_moments)(double *sums, double *squares, const float *x, int64_t count);
    /// Of g and g (x - mean), g being the gradient before ReLU.
    void (*add_gradients)(double *sums, double *products, const float *gy, const float *x, int64_t count,
                          ck_channel of);
    /// gx = factor * (g - common - (x - mean) * slope). gx may be gy.
    void (*backward)(float *gx, const float *gy, const float *x, int64_t count, ck_channel of, float common,
                     float slope);
} ck_norm_form;

extern const ck_norm_form ck_norm_portable, ck_norm_avx2;

#endif
