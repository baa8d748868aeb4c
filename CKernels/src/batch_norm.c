#include "ck_internal.h"

/// Doubles that sums run in side by side: the order of additions is the same however they are vectorised.
enum { LANES = 8 };

static ck_status check(const ck_batch_norm *d) {
    if (!d)
        return CK_NULL_POINTER;
    if (d->n < 1 || d->c < 1 || d->plane < 1)
        return CK_BAD_DIMENSION;
    return d->epsilon > 0 && isfinite(d->epsilon) ? CK_OK : CK_BAD_PARAMETER;
}

static double sum_lanes(const double lanes[LANES]) {
    double sum = 0;
    for (int l = 0; l < LANES; l++)
        sum += lanes[l];
    return sum;
}

/// The one expression for an output before ReLU: backward finds again by it what ReLU cut off.
static inline float normalized(float x, float mean, float factor, float bias) {
    return (x - mean) * factor + bias;
}

static void normalize_plane(float *y, const float *x, int64_t count, float mean, float factor, float bias, bool relu) {
    // Elements are independent even where y is x, which a compiler cannot know.
    if (relu) {
#pragma omp simd
        for (int64_t i = 0; i < count; i++) {
            float value = normalized(x[i], mean, factor, bias);
            y[i] = value <= 0 ? 0 : value;
        }
    } else {
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            y[i] = normalized(x[i], mean, factor, bias);
    }
}

/// Adds the sums of x and x^2 over a plane to those in `sums` and `squares`.
static void add_moments(double *restrict sums, double *restrict squares, const float *restrict x, int64_t count) {
    double s[LANES], q[LANES];
    memcpy(s, sums, sizeof s);
    memcpy(q, squares, sizeof q);
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) {
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

ck_status ck_batch_norm_forward_training(float *y, float *mean, float *inverse_deviation, float *running_mean,
                                         float *running_variance, const float *x, const float *weight,
                                         const float *bias, float momentum, const ck_batch_norm *d) {
    ck_status status = check(d);
    if (status != CK_OK)
        return status;
    if (!y || !mean || !inverse_deviation || !running_mean || !running_variance || !x || !weight || !bias)
        return CK_NULL_POINTER;
    if (d->n * d->plane < 2)
        return CK_BAD_DIMENSION;
    if (!(momentum >= 0 && momentum <= 1))
        return CK_BAD_PARAMETER;
    double count = (double)(d->n * d->plane);
#pragma omp parallel for schedule(static)
    for (int64_t c = 0; c < d->c; c++) {
        double sums[LANES] = {0}, squares[LANES] = {0};
        for (int64_t n = 0; n < d->n; n++)
            add_moments(sums, squares, x + (n * d->c + c) * d->plane, d->plane);
        double center = sum_lanes(sums) / count;
        double variance = sum_lanes(squares) / count - center * center;
        variance = variance < 0 ? 0 : variance;
        mean[c] = (float)center;
        inverse_deviation[c] = (float)(1 / sqrt(variance + d->epsilon));
        double unbiased = variance * count / (count - 1);
        running_mean[c] = (float)((1 - (double)momentum) * running_mean[c] + momentum * center);
        running_variance[c] = (float)((1 - (double)momentum) * running_variance[c] + momentum * unbiased);
        for (int64_t n = 0; n < d->n; n++) {
            int64_t at = (n * d->c + c) * d->plane;
            normalize_plane(y + at, x + at, d->plane, mean[c], weight[c] * inverse_deviation[c], bias[c], d->relu);
        }
    }
    return CK_OK;
}

ck_status ck_batch_norm_forward_inference(float *y, const float *x, const float *weight, const float *bias,
                                          const float *running_mean, const float *running_variance,
                                          const ck_batch_norm *d) {
    ck_status status = check(d);
    if (status != CK_OK)
        return status;
    if (!y || !x || !weight || !bias || !running_mean || !running_variance)
        return CK_NULL_POINTER;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t c = 0; c < d->c; c++) {
            int64_t at = (n * d->c + c) * d->plane;
            float factor = (float)(weight[c] / sqrt((double)running_variance[c] + d->epsilon));
            normalize_plane(y + at, x + at, d->plane, running_mean[c], factor, bias[c], d->relu);
        }
    return CK_OK;
}

/// What a channel's loops need to know.
typedef struct channel {
    float mean, factor, bias;
    bool relu;
} channel;

static inline float before_relu(float gy, float x, channel of) {
    return of.relu && normalized(x, of.mean, of.factor, of.bias) <= 0 ? 0 : gy;
}

/// Adds the sums of g and g (x - mean) over a plane, g being the gradient before ReLU.
static void add_gradients(double *restrict sums, double *restrict products, const float *restrict gy,
                          const float *restrict x, int64_t count, channel of) {
    double s[LANES], p[LANES];
    memcpy(s, sums, sizeof s);
    memcpy(p, products, sizeof p);
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int l = 0; l < LANES; l++) {
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

ck_status ck_batch_norm_backward(float *gx, float *gweight, float *gbias, const float *gy, const float *x,
                                 const float *weight, const float *bias, const float *mean,
                                 const float *inverse_deviation, const ck_batch_norm *d) {
    ck_status status = check(d);
    if (status != CK_OK)
        return status;
    if (!gweight || !gbias || !gy || !x || !weight || !bias || !mean || !inverse_deviation)
        return CK_NULL_POINTER;
    double count = (double)(d->n * d->plane);
#pragma omp parallel for schedule(static)
    for (int64_t c = 0; c < d->c; c++) {
        channel of = {mean[c], weight[c] * inverse_deviation[c], bias[c], d->relu};
        double sums[LANES] = {0}, products[LANES] = {0};
        for (int64_t n = 0; n < d->n; n++) {
            int64_t at = (n * d->c + c) * d->plane;
            add_gradients(sums, products, gy + at, x + at, d->plane, of);
        }
        double sum = sum_lanes(sums), product = sum_lanes(products);
        gbias[c] = (float)sum;
        gweight[c] = (float)(product * inverse_deviation[c]);
        if (!gx)
            continue;
        float common = (float)(sum / count);
        float slope = (float)(product * inverse_deviation[c] * inverse_deviation[c] / count);
        for (int64_t n = 0; n < d->n; n++) {
            int64_t at = (n * d->c + c) * d->plane;
#pragma omp simd
            for (int64_t i = at; i < at + d->plane; i++)
                gx[i] = of.factor * (before_relu(gy[i], x[i], of) - common - (x[i] - of.mean) * slope);
        }
    }
    return CK_OK;
}
