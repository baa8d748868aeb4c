#include "CMachinePeak.h"

#include <string.h>

typedef float four __attribute__((vector_size(16)));

enum { BLOCK = 32 };

/// Sum over blocks first ... last - 1, in eight vectors so that the latency of additions does not limit the loads.
static float block_sums(const float *x, int64_t first, int64_t last) {
    four sums[BLOCK / 4] = {0};
    for (int64_t block = first; block < last; block++)
        for (int i = 0; i < BLOCK / 4; i++) {
            four values;
            memcpy(&values, x + block * BLOCK + 4 * i, sizeof values);
            sums[i] += values;
        }
    float sum = 0;
    for (int i = 0; i < BLOCK / 4; i++)
        sum += sums[i][0] + sums[i][1] + sums[i][2] + sums[i][3];
    return sum;
}

void mp_read(float *sum, const float *x, int64_t count, int32_t threads) {
    // Pieces of equal size and a static schedule: each thread always reads the same memory.
    const int64_t blocks = count / BLOCK, pieces = 16 * (int64_t)threads;
    float total = 0;
#pragma omp parallel for num_threads(threads) schedule(static) reduction(+ : total)
    for (int64_t piece = 0; piece < pieces; piece++)
        total += block_sums(x, blocks * piece / pieces, blocks * (piece + 1) / pieces);
    for (int64_t i = blocks * BLOCK; i < count; i++)
        total += x[i];
    *sum = total;
}

void mp_triad(float *restrict a, const float *restrict b, const float *restrict c, float factor, int64_t count,
              int32_t threads) {
#pragma omp parallel for simd num_threads(threads) schedule(static)
    for (int64_t i = 0; i < count; i++)
        a[i] = b[i] + factor * c[i];
}
