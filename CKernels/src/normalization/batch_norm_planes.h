/// Loops of batch normalization over a plane, in plain C. Included once for each instruction set. No OpenMP threads
/// here: the outlined body of a parallel region ignores the target attribute.
#include "normalization/ck_batch_norm.h"

/// Output before ReLU. Forward and backward share this expression, so that the recomputed ReLU mask has the same bits.
static inline float normalized(float x, ck_channel channel) {
    return (x - channel.mean) * channel.factor + channel.bias;
}

static void normalize_plane(float *y, const float *x, int64_t count, ck_channel channel) {
    // y may be x, which does not make elements dependent: hence `simd`.
    if (channel.relu) {
#pragma omp simd
        for (int64_t i = 0; i < count; i++) {
            float value = normalized(x[i], channel);
            y[i] = value <= 0 ? 0 : value;
        }
    } else {
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            y[i] = normalized(x[i], channel);
    }
}

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

static inline float before_relu(float gy, float x, ck_channel channel) {
    return channel.relu && normalized(x, channel) <= 0 ? 0 : gy;
}

static void add_gradients(double *restrict sums, double *restrict products, const float *restrict gy,
                          const float *restrict x, int64_t count, ck_channel channel) {
    double s[CK_SUMS], p[CK_SUMS];
    memcpy(s, sums, sizeof s);
    memcpy(p, products, sizeof p);
    int64_t i = 0;
    for (; i + CK_SUMS <= count; i += CK_SUMS)
        for (int l = 0; l < CK_SUMS; l++) {
            float g = before_relu(gy[i + l], x[i + l], channel);
            s[l] += g;
            p[l] += (double)g * (double)(x[i + l] - channel.mean);
        }
    for (int l = 0; i < count; i++, l++) {
        float g = before_relu(gy[i], x[i], channel);
        s[l] += g;
        p[l] += (double)g * (double)(x[i] - channel.mean);
    }
    memcpy(sums, s, sizeof s);
    memcpy(products, p, sizeof p);
}

static void backward_plane(float *gx, const float *gy, const float *x, int64_t count, ck_channel channel, float common,
                           float slope) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        gx[i] = channel.factor * (before_relu(gy[i], x[i], channel) - common - (x[i] - channel.mean) * slope);
}

#define NORM_VARIANT                                                                                                   \
    { normalize_plane, add_moments, add_gradients, backward_plane }
