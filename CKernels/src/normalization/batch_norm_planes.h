/// The loops of batch normalization over a plane: plain C, included once for each instruction set that it is compiled
/// for. No OpenMP threads here: the outlined body of a parallel region loses its target.
#include "normalization/ck_batch_norm.h"

/// The one expression for an output before ReLU: backward finds again by it what ReLU cut off.
static inline float normalized(float x, ck_channel of) {
    return (x - of.mean) * of.factor + of.bias;
}

/// y = (x - mean) * factor + bias, or its positive part, over a plane.
static void normalize_plane(float *y, const float *x, int64_t count, ck_channel of) {
    // Elements are independent even where y is x, which a compiler cannot know.
    if (of.relu) {
#pragma omp simd
        for (int64_t i = 0; i < count; i++) {
            float value = normalized(x[i], of);
            y[i] = value <= 0 ? 0 : value;
        }
    } else {
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            y[i] = normalized(x[i], of);
    }
}

/// Adds the sums of x and x^2 over a plane to those in `sums` and `squares`.
static void add_moments(double *restrict sums, double *restrict squares, const float *restrict x, int64_t count) {
    double s[CK_SUMS], q[CK_SUMS];
    memcpy(s, sums, sizeof s);
    memcpy(q, squares, sizeof q);
    int64_t i = 0;
    for (; i + CK_SUMS <= count; i += CK_SUMS)
        for (int l = 0; l < CK_SUMS; l++) {
            double value = x[i + l];
            s[l] += value;
            q[l] += value * value;
        }
    for (int l = 0; i < count; i++, l++) {
        double value = x[i];
        s[l] += value;
        q[l] += value * value;
    }
    memcpy(sums, s, sizeof s);
    memcpy(squares, q, sizeof q);
}

static inline float before_relu(float gy, float x, ck_channel of) {
    return of.relu && normalized(x, of) <= 0 ? 0 : gy;
}

/// Adds the sums of g and g (x - mean) over a plane, g being the gradient before ReLU.
static void add_gradients(double *restrict sums, double *restrict products, const float *restrict gy,
                          const float *restrict x, int64_t count, ck_channel of) {
    double s[CK_SUMS], p[CK_SUMS];
    memcpy(s, sums, sizeof s);
    memcpy(p, products, sizeof p);
    int64_t i = 0;
    for (; i + CK_SUMS <= count; i += CK_SUMS)
        for (int l = 0; l < CK_SUMS; l++) {
            float g = before_relu(gy[i + l], x[i + l], of);
            s[l] += g;
            p[l] += (double)g * (double)(x[i + l] - of.mean);
        }
    for (int l = 0; i < count; i++, l++) {
        float g = before_relu(gy[i], x[i], of);
        s[l] += g;
        p[l] += (double)g * (double)(x[i] - of.mean);
    }
    memcpy(sums, s, sizeof s);
    memcpy(products, p, sizeof p);
}

static void backward_plane(float *gx, const float *gy, const float *x, int64_t count, ck_channel of, float common,
                           float slope) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        gx[i] = of.factor * (before_relu(gy[i], x[i], of) - common - (x[i] - of.mean) * slope);
}

#define NORM_FORM                                                                                                      \
    { normalize_plane, add_moments, add_gradients, backward_plane }
