/// Batch normalization: statistics and threading. The loops over elements are in batch_norm_planes.h.
#include "normalization/ck_batch_norm.h"
#include "runtime/instruction_set.h"

/// Variant for the instruction set in use; null when NUCLEI_ISA is invalid. There is none for AVX-512, which was no
/// faster than AVX2.
static const ck_norm_variant *choose(void) {
    ck_isa isa;
    if (ck_wanted_isa(&isa) != CK_OK)
        return NULL;
    return isa != CK_ISA_PORTABLE && ck_has_isa(CK_ISA_AVX2) ? &ck_norm_avx2 : &ck_norm_portable;
}

static ck_status check(const ck_batch_norm *d) {
    if (!d)
        return CK_NULL_POINTER;
    if (d->n < 1 || d->c < 1 || d->plane < 1)
        return CK_BAD_DIMENSION;
    return d->epsilon > 0 && isfinite(d->epsilon) ? CK_OK : CK_BAD_PARAMETER;
}

static double sum_lanes(const double lanes[CK_SUMS]) {
    double sum = 0;
    for (int l = 0; l < CK_SUMS; l++)
        sum += lanes[l];
    return sum;
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
    const ck_norm_variant *variant = choose();
    if (!variant)
        return CK_BAD_PARAMETER;
    double count = (double)(d->n * d->plane);
#pragma omp parallel for schedule(static)
    for (int64_t c = 0; c < d->c; c++) {
        double sums[CK_SUMS] = {0}, squares[CK_SUMS] = {0};
        for (int64_t n = 0; n < d->n; n++)
            variant->add_moments(sums, squares, x + (n * d->c + c) * d->plane, d->plane);
        double center = sum_lanes(sums) / count;
        double variance = sum_lanes(squares) / count - center * center;
        variance = variance < 0 ? 0 : variance;
        mean[c] = (float)center;
        inverse_deviation[c] = (float)(1 / sqrt(variance + d->epsilon));
        double unbiased = variance * count / (count - 1);
        running_mean[c] = (float)((1 - (double)momentum) * running_mean[c] + momentum * center);
        running_variance[c] = (float)((1 - (double)momentum) * running_variance[c] + momentum * unbiased);
        const ck_channel channel = {mean[c], weight[c] * inverse_deviation[c], bias[c], d->relu};
        for (int64_t n = 0; n < d->n; n++) {
            int64_t at = (n * d->c + c) * d->plane;
            variant->normalize(y + at, x + at, d->plane, channel);
        }
    }
    return CK_OK;
}

/// Channel c with its running statistics.
static ck_channel running_channel(int64_t c, const float *weight, const float *bias, const float *running_mean,
                                  const float *running_variance, const ck_batch_norm *d) {
    float factor = (float)(weight[c] / sqrt((double)running_variance[c] + d->epsilon));
    return (ck_channel){running_mean[c], factor, bias[c], d->relu};
}

ck_status ck_batch_norm_forward_inference(float *y, const float *x, const float *weight, const float *bias,
                                          const float *running_mean, const float *running_variance,
                                          const ck_batch_norm *d) {
    ck_status status = check(d);
    if (status != CK_OK)
        return status;
    if (!y || !x || !weight || !bias || !running_mean || !running_variance)
        return CK_NULL_POINTER;
    const ck_norm_variant *variant = choose();
    if (!variant)
        return CK_BAD_PARAMETER;
#pragma omp parallel for collapse(2) schedule(static)
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t c = 0; c < d->c; c++) {
            int64_t at = (n * d->c + c) * d->plane;
            variant->normalize(y + at, x + at, d->plane,
                               running_channel(c, weight, bias, running_mean, running_variance, d));
        }
    return CK_OK;
}

ck_status ck_batch_norm_backward(float *gx, float *gweight, float *gbias, const float *gy, const float *x,
                                 const float *weight, const float *bias, const float *mean,
                                 const float *inverse_deviation, const ck_batch_norm *d) {
    ck_status status = check(d);
    if (status != CK_OK)
        return status;
    if (!gweight || !gbias || !gy || !x || !weight || !bias || !mean || !inverse_deviation)
        return CK_NULL_POINTER;
    const ck_norm_variant *variant = choose();
    if (!variant)
        return CK_BAD_PARAMETER;
    double count = (double)(d->n * d->plane);
#pragma omp parallel for schedule(static)
    for (int64_t c = 0; c < d->c; c++) {
        const ck_channel channel = {mean[c], weight[c] * inverse_deviation[c], bias[c], d->relu};
        double sums[CK_SUMS] = {0}, products[CK_SUMS] = {0};
        for (int64_t n = 0; n < d->n; n++) {
            int64_t at = (n * d->c + c) * d->plane;
            variant->add_gradients(sums, products, gy + at, x + at, d->plane, channel);
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
            variant->backward(gx + at, gy + at, x + at, d->plane, channel, common, slope);
        }
    }
    return CK_OK;
}

ck_status ck_batch_norm_backward_inference(float *gx, float *gweight, float *gbias, const float *gy, const float *x,
                                           const float *weight, const float *bias, const float *running_mean,
                                           const float *running_variance, const ck_batch_norm *d) {
    ck_status status = check(d);
    if (status != CK_OK)
        return status;
    if (!gy || !x || !weight || !bias || !running_mean || !running_variance || !gweight != !gbias)
        return CK_NULL_POINTER;
    const ck_norm_variant *variant = choose();
    if (!variant)
        return CK_BAD_PARAMETER;
#pragma omp parallel for schedule(static)
    for (int64_t c = 0; c < d->c; c++) {
        const ck_channel channel = running_channel(c, weight, bias, running_mean, running_variance, d);
        if (gweight) {
            double sums[CK_SUMS] = {0}, products[CK_SUMS] = {0};
            for (int64_t n = 0; n < d->n; n++) {
                int64_t at = (n * d->c + c) * d->plane;
                variant->add_gradients(sums, products, gy + at, x + at, d->plane, channel);
            }
            gbias[c] = (float)sum_lanes(sums);
            gweight[c] = (float)(sum_lanes(products) / sqrt((double)running_variance[c] + d->epsilon));
        }
        // The statistics are constants: there is no common part and no slope.
        for (int64_t n = 0; gx && n < d->n; n++) {
            int64_t at = (n * d->c + c) * d->plane;
            variant->backward(gx + at, gy + at, x + at, d->plane, channel, 0, 0);
        }
    }
    return CK_OK;
}
