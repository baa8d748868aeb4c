/// Shared by batch normalization and its variants (private).
#ifndef CK_BATCH_NORM_H
#define CK_BATCH_NORM_H

#include "runtime/ck_internal.h"

/// Number of partial sums. It fixes the order of additions, whatever the vector length.
enum { CK_SUMS = 8 };

/// Parameters of one channel: y = (x - mean) * factor + bias, then ReLU if set.
typedef struct ck_channel {
    float mean, factor, bias;
    bool relu;
} ck_channel;

/// Leaf functions over a plane of `count` elements, for one instruction set.
typedef struct ck_norm_variant {
    /// y[count] from x[count]. y may be x.
    void (*normalize)(float *y, const float *x, int64_t count, ck_channel channel);
    /// Adds x to sums[CK_SUMS] and x^2 to squares[CK_SUMS].
    void (*add_moments)(double *sums, double *squares, const float *x, int64_t count);
    /// Adds g to sums[CK_SUMS] and g * (x - mean) to products[CK_SUMS], where g is the gradient with respect to the
    /// output before ReLU.
    void (*add_gradients)(double *sums, double *products, const float *gy, const float *x, int64_t count,
                          ck_channel channel);
    /// gx = factor * (g - common - (x - mean) * slope). gx may be gy.
    void (*backward)(float *gx, const float *gy, const float *x, int64_t count, ck_channel channel, float common,
                     float slope);
} ck_norm_variant;

extern const ck_norm_variant ck_norm_portable, ck_norm_avx2;

#endif
