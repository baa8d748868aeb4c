#include "elementwise/ck_softmax.h"

static ck_status check(const ck_distillation *d) {
    if (!d)
        return CK_NULL_POINTER;
    return d->n < 1 || d->classes < 1 || d->plane < 1 ? CK_BAD_DIMENSION : CK_OK;
}

static int64_t sample_size(const ck_distillation *d) {
    return d->classes * d->plane;
}

ck_status ck_mean_softmax(float *p, const float *logits, int64_t models, const ck_distillation *d) {
    ck_status status = check(d);
    if (status != CK_OK)
        return status;
    if (!p || !logits)
        return CK_NULL_POINTER;
    if (models < 1)
        return CK_BAD_DIMENSION;
    float share = 1 / (float)models;
    const ck_softmax *softmax = ck_choose_softmax();
    if (!softmax)
        return CK_BAD_PARAMETER;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < d->n; n++) {
        memset(p + n * sample_size(d), 0, sizeof(float) * (size_t)sample_size(d));
        for (int64_t model = 0; model < models; model++)
            for (int64_t start = 0; start < d->plane; start += CK_SOFTMAX_COUNT) {
                const float *row = logits + (model * d->n + n) * sample_size(d) + start;
                float *mean = p + n * sample_size(d) + start;
                int64_t count = ck_min(d->plane - start, CK_SOFTMAX_COUNT);
                ck_softmax_sums sums;
                softmax->sum(&sums, row, d->classes, d->plane, count);
                for (int64_t c = 0; c < d->classes; c++) {
                    float own[CK_SOFTMAX_COUNT];
                    softmax->probabilities(own, &sums, row + c * d->plane, count);
                    for (int64_t i = 0; i < count; i++)
                        mean[c * d->plane + i] += share * own[i];
                }
            }
    }
    return CK_OK;
}

ck_status ck_distillation_forward(double *losses, const float *logits, const float *p, const ck_distillation *d) {
    ck_status status = check(d);
    if (status != CK_OK)
        return status;
    if (!losses || !logits || !p)
        return CK_NULL_POINTER;
    const ck_softmax *softmax = ck_choose_softmax();
    if (!softmax)
        return CK_BAD_PARAMETER;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < d->n; n++) {
        double sum = 0;
        for (int64_t start = 0; start < d->plane; start += CK_SOFTMAX_COUNT) {
            int64_t count = ck_min(d->plane - start, CK_SOFTMAX_COUNT);
            ck_softmax_sums sums;
            softmax->sum(&sums, logits + n * sample_size(d) + start, d->classes, d->plane, count);
            for (int64_t c = 0; c < d->classes; c++) {
                int64_t first = n * sample_size(d) + c * d->plane + start;
                for (int64_t i = 0; i < count; i++) {
                    float target = p[first + i];
                    // Classes that are infinitely improbable and have the target 0 have no loss, not 0 * inf.
                    if (target != 0)
                        sum += target * ((double)(sums.largest[i] - logits[first + i]) + (double)sums.log[i]);
                }
            }
        }
        losses[n] = sum / (double)d->plane;
    }
    return CK_OK;
}

ck_status ck_distillation_backward(float *glogits, const float *addend, const float *logits, const float *p,
                                   const ck_distillation *d) {
    ck_status status = check(d);
    if (status != CK_OK)
        return status;
    if (!glogits || !addend || !logits || !p)
        return CK_NULL_POINTER;
    float unit = 1 / (float)(d->n * d->plane);
    const ck_softmax *softmax = ck_choose_softmax();
    if (!softmax)
        return CK_BAD_PARAMETER;
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t start = 0; start < d->plane; start += CK_SOFTMAX_COUNT) {
            int64_t count = ck_min(d->plane - start, CK_SOFTMAX_COUNT);
            ck_softmax_sums sums;
            softmax->sum(&sums, logits + n * sample_size(d) + start, d->classes, d->plane, count);
            for (int64_t c = 0; c < d->classes; c++) {
                int64_t first = n * sample_size(d) + c * d->plane + start;
                float own[CK_SOFTMAX_COUNT];
                softmax->probabilities(own, &sums, logits + first, count);
                for (int64_t i = 0; i < count; i++)
                    glogits[first + i] = addend[first + i] + unit * (own[i] - p[first + i]);
            }
        }
    return CK_OK;
}
