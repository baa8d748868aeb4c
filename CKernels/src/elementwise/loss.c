#include "runtime/ck_internal.h"

/// The largest logit of a row, and the sum of exp(logit - largest). Kept apart: added up, a huge logit would swallow
/// the logarithm of the sum.
typedef struct partition {
    double largest, sum;
} partition;

static partition sum_up(const float *row, int64_t classes) {
    partition p = {row[0], 0};
    for (int64_t c = 1; c < classes; c++)
        p.largest = row[c] > p.largest ? row[c] : p.largest;
    for (int64_t c = 0; c < classes; c++)
        p.sum += exp(row[c] - p.largest);
    return p;
}

static double probability(partition p, float logit) {
    return exp(logit - p.largest) / p.sum;
}

/// -log of the probability.
static double surprise(partition p, float logit) {
    return (p.largest - logit) + log(p.sum);
}

ck_status ck_softmax(float *p, const float *logits, int64_t n, int64_t classes) {
    if (!p || !logits)
        return CK_NULL_POINTER;
    if (n < 0 || classes < 1)
        return CK_BAD_DIMENSION;
#pragma omp parallel for schedule(static)
    for (int64_t i = 0; i < n; i++) {
        partition whole = sum_up(logits + i * classes, classes);
        for (int64_t c = 0; c < classes; c++)
            p[i * classes + c] = (float)probability(whole, logits[i * classes + c]);
    }
    return CK_OK;
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

/// What the summed losses are divided by.
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
        double mine = 0;
        if (targets[i] >= 0) {
            partition whole = sum_up(row, classes);
            double spread = 0;
            for (int64_t c = 0; c < classes; c++)
                spread += (class_weights ? class_weights[c] : 1) * surprise(whole, row[c]);
            double weight = class_weights ? class_weights[targets[i]] : 1;
            mine = (1 - (double)smoothing) * weight * surprise(whole, row[targets[i]]);
            // Kept apart, so that an infinite term with no share in the loss does not turn it into NaN.
            if (smoothing > 0)
                mine += smoothing / (double)classes * spread;
        }
        sum += mine;
        if (losses)
            losses[i] = (float)mine;
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
        partition whole = sum_up(row, classes);
        double on_target = (1 - (double)smoothing) * (class_weights ? class_weights[targets[i]] : 1);
        for (int64_t c = 0; c < classes; c++) {
            double wanted = share * (class_weights ? class_weights[c] : 1) + (c == targets[i] ? on_target : 0);
            gradient[c] = (float)(scale * (probability(whole, row[c]) * (on_target + share * weight_sum) - wanted));
        }
    }
    return CK_OK;
}
