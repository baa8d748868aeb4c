#include "runtime/ck_internal.h"

/// Largest logit of one element and sum of exp(logit - largest). `logits` points to the logit of class 0; those of the
/// other classes follow at a distance of `plane`.
typedef struct exponentials {
    float largest, sum;
} exponentials;

static inline exponentials sum_exponentials(const float *logits, const ck_distillation *d) {
    exponentials e = {logits[0], 0};
    for (int64_t c = 1; c < d->classes; c++)
        e.largest = logits[c * d->plane] > e.largest ? logits[c * d->plane] : e.largest;
    for (int64_t c = 0; c < d->classes; c++)
        e.sum += expf(logits[c * d->plane] - e.largest);
    return e;
}

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
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < d->n; n++) {
        float *mean = p + n * sample_size(d);
        memset(mean, 0, sizeof(float) * (size_t)sample_size(d));
        for (int64_t model = 0; model < models; model++) {
            const float *row = logits + (model * d->n + n) * sample_size(d);
            for (int64_t i = 0; i < d->plane; i++) {
                exponentials e = sum_exponentials(row + i, d);
                float scale = share / e.sum;
                for (int64_t c = 0; c < d->classes; c++)
                    mean[c * d->plane + i] += scale * expf(row[c * d->plane + i] - e.largest);
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
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < d->n; n++) {
        const float *row = logits + n * sample_size(d), *targets = p + n * sample_size(d);
        double sum = 0;
        for (int64_t i = 0; i < d->plane; i++) {
            exponentials e = sum_exponentials(row + i, d);
            double rest = log((double)e.sum);
            for (int64_t c = 0; c < d->classes; c++) {
                float target = targets[c * d->plane + i];
                // Infinitely improbable classes that no teacher expects have no loss, not 0 * inf.
                if (target != 0)
                    sum += target * ((double)(e.largest - row[c * d->plane + i]) + rest);
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
#pragma omp parallel for schedule(static)
    for (int64_t n = 0; n < d->n; n++)
        for (int64_t i = 0; i < d->plane; i++) {
            int64_t first = n * sample_size(d) + i;
            exponentials e = sum_exponentials(logits + first, d);
            for (int64_t c = 0; c < d->classes; c++) {
                int64_t place = first + c * d->plane;
                glogits[place] = addend[place] + unit * (expf(logits[place] - e.largest) / e.sum - p[place]);
            }
        }
    return CK_OK;
}
