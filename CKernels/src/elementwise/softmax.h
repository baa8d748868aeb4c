/// Softmax of elements side by side, in plain C. Included once for each instruction set.
#include "elementwise/ck_softmax.h"
#include "elementwise/exponential.h"

static void sum(ck_softmax_sums *restrict sums, const float *restrict logits, int64_t classes, int64_t plane,
                int64_t count) {
    float *restrict largest = sums->largest, *restrict total = sums->scale;
    for (int64_t i = 0; i < count; i++) {
        largest[i] = logits[i];
        total[i] = 0;
    }
    for (int64_t c = 1; c < classes; c++) {
        const float *row = logits + c * plane;
        for (int64_t i = 0; i < count; i++)
            largest[i] = row[i] > largest[i] ? row[i] : largest[i];
    }
    for (int64_t c = 0; c < classes; c++) {
        const float *row = logits + c * plane;
#pragma omp simd
        for (int64_t i = 0; i < count; i++)
            total[i] += exponential(row[i] - largest[i]);
    }
#pragma omp simd
    for (int64_t i = 0; i < count; i++) {
        sums->log[i] = logarithm(total[i]);
        total[i] = 1 / total[i];
    }
}

static void probabilities(float *restrict p, const ck_softmax_sums *restrict sums, const float *restrict logits,
                          int64_t count) {
#pragma omp simd
    for (int64_t i = 0; i < count; i++)
        p[i] = exponential(logits[i] - sums->largest[i]) * sums->scale[i];
}
