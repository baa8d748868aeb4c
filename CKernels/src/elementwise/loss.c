#include "runtime/ck_internal.h"

/// Maximum of a row's logits and sum of exp(logit - largest). log-sum-exp = largest + log(sum) is not stored as one
/// number, because a huge maximum would absorb the logarithm.
typedef struct log_sum_exp {
    double largest, sum;
} log_sum_exp;

static log_sum_exp sum_exponentials(const float *row, int64_t classes) {
    log_sum_exp p = {row[0], 0};
    for (int64_t c = 1; c < classes; c++)
        p.largest = row[c] > p.largest ? row[c] : p.largest;
    for (int64_t c = 0; c < classes; c++)
        p.sum += exp(row[c] - p.largest);
    return p;
}

static double probability(log_sum_exp p, float logit) {
    return exp(logit - p.largest) / p.sum;
}

static double negative_log_probability(log_sum_exp p, float logit) {
    return (p.largest - logit) + log(p.sum);
}

static ck_status check(const float *logits, const int32_t *targets, const float *weights, float smoothing, int64_t n,
                       int64_t classes) {
    if (!logits || !targets)
        return CK_NULL_POINTER;
    if (n < 1 || classes < 1)
        return CK_BAD_DIMENSION;
    if (!(smoothing >= 0 && smoothing <= 1))
        return CK_BAD_PARAMETER;
    for (int64_t c = 0; c < classes && weights; c++)
        if (!(weights[c] >= 0) || isinf(weights[c]))
            return CK_BAD_PARAMETER;
    for (int64_t i = 0; i < n; i++)
        if (targets[i] >= classes)
            return CK_BAD_TARGET;
    return CK_OK;
}

/// Divisor of the summed losses.
static double divisor(const int32_t *targets, const float *weights, ck_reduction reduction, int64_t n) {
    double sum = 0;
    if (reduction == CK_REDUCTION_SUM)
        return 1;
    for (int64_t i = 0; i < n; i++)
        if (targets[i] >= 0)
            sum += weights ? weights[targets[i]] : 1;
    return sum;
}

ck_status ck_cross_entropy_forward(double *loss, float *losses, const float *logits, const int32_t *targets,
                                   const float *class_weights, float smoothing, ck_reduction reduction, int64_t n,
                                   int64_t classes) {
    ck_status status = check(logits, targets, class_weights, smoothing, n, classes);
    if (status != CK_OK)
        return status;
    if (!loss)
        return CK_NULL_POINTER;
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        const float *row = logits + i * classes;
        double row_loss = 0;
        if (targets[i] >= 0) {
            log_sum_exp whole = sum_exponentials(row, classes);
            double uniform = 0;
            for (int64_t c = 0; c < classes; c++)
                uniform += (class_weights ? class_weights[c] : 1) * negative_log_probability(whole, row[c]);
            double weight = class_weights ? class_weights[targets[i]] : 1;
            row_loss = (1 - (double)smoothing) * weight * negative_log_probability(whole, row[targets[i]]);
            // Without smoothing, an infinite `uniform` would turn the loss into NaN: 0 * inf.
            if (smoothing > 0)
                row_loss += smoothing / (double)classes * uniform;
        }
        sum += row_loss;
        if (losses)
            losses[i] = (float)row_loss;
    }
    *loss = sum / divisor(targets, class_weights, reduction, n);
    return CK_OK;
}

ck_status ck_cross_entropy_backward(float *glogits, const float *logits, const int32_t *targets,
                                    const float *class_weights, float smoothing, ck_reduction reduction, int64_t n,
                                    int64_t classes) {
    ck_status status = check(logits, targets, class_weights, smoothing, n, classes);
    if (status != CK_OK)
        return status;
    if (!glogits)
        return CK_NULL_POINTER;
    double scale = 1 / divisor(targets, class_weights, reduction, n), weight_sum = 0;
    for (int64_t c = 0; c < classes; c++)
        weight_sum += class_weights ? class_weights[c] : 1;
    double share = smoothing / (double)classes;
    for (int64_t i = 0; i < n; i++) {
        const float *row = logits + i * classes;
        float *gradient = glogits + i * classes;
        if (targets[i] < 0) {
            memset(gradient, 0, sizeof(float) * (size_t)classes);
            continue;
        }
        log_sum_exp whole = sum_exponentials(row, classes);
        double on_target = (1 - (double)smoothing) * (class_weights ? class_weights[targets[i]] : 1);
        for (int64_t c = 0; c < classes; c++) {
            double target = share * (class_weights ? class_weights[c] : 1) + (c == targets[i] ? on_target : 0);
            gradient[c] = (float)(scale * (probability(whole, row[c]) * (on_target + share * weight_sum) - target));
        }
    }
    return CK_OK;
}
